import type { Chart, ScenarioResult } from './result.js';
import { spreadOf, type Spread } from './stats.js';
import { axisText, COLOURS, colourOf, element, label, picture, ticks } from './svg.js';

const WIDTH = 860;
const HEIGHT = 380;
const AREA = { left: 70, right: 690, top: 64, bottom: 320 };

interface Point {
  readonly x: number;
  readonly spread: Spread;
}

interface Line {
  readonly target: string;
  readonly points: readonly Point[];
}

type LinesChart = Extract<Chart, { readonly type: 'lines' }>;

/** A line of medians for each target, with whiskers from the lowest to the highest. */
export function linesSvg({ cells }: ScenarioResult, chart: LinesChart): string {
  const lines = cells
    .filter(({ variant }) => variant === chart.variant)
    .map(({ target, runs }): Line => {
      const points = chart.points.flatMap(({ x, figure }): Point[] => {
        const spread = spreadOf(runs.map((run) => run?.figures[figure]));
        return spread ? [{ x, spread }] : [];
      });
      return { target, points };
    })
    .filter(({ points }) => points.length > 0);
  const xs = chart.points.map(({ x }) => x);
  const scaleX = (value: number): number =>
    AREA.left + (value / Math.max(...xs, 1)) * (AREA.right - AREA.left - 20);
  const axis = ticks(Math.max(0, ...lines.flatMap(({ points }) => points.map(({ spread }) => spread.max))));
  const scaleY = (value: number): number =>
    AREA.bottom - (value / (axis.at(-1) ?? 1)) * (AREA.bottom - AREA.top);
  return picture(WIDTH, HEIGHT, chart.title, [
    ...axis.flatMap((value) => [
      element('line', {
        ...{ x1: AREA.left, x2: AREA.right, y1: scaleY(value), y2: scaleY(value) },
        ...{ stroke: COLOURS.grid, 'stroke-opacity': 0.3 },
      }),
      label(AREA.left - 8, scaleY(value) + 4.5, axisText(value), { 'text-anchor': 'end', 'font-size': 12 }),
    ]),
    ...xs.map((value) =>
      label(scaleX(value), AREA.bottom + 20, axisText(value), { 'text-anchor': 'middle', 'font-size': 12 }),
    ),
    label(AREA.left - 54, AREA.top - 12, chart.yTitle),
    label((AREA.left + AREA.right) / 2, AREA.bottom + 44, chart.xTitle, { 'text-anchor': 'middle' }),
    ...lines.flatMap((line, index) => lineMarkup(line, index, scaleX, scaleY)),
  ]);
}

function lineMarkup(
  { target, points }: Line,
  index: number,
  scaleX: (value: number) => number,
  scaleY: (value: number) => number,
): string[] {
  const colour = colourOf(target);
  const at = (point: Point): string =>
    `${scaleX(point.x).toFixed(1)},${scaleY(point.spread.median).toFixed(1)}`;
  const legend = AREA.top + 8 + index * 24;
  return [
    ...points.map(({ x, spread }) =>
      element('line', {
        ...{ x1: scaleX(x), x2: scaleX(x), y1: scaleY(spread.min), y2: scaleY(spread.max) },
        ...{ stroke: colour, 'stroke-width': 1.5, 'stroke-opacity': 0.7 },
      }),
    ),
    element('polyline', {
      points: points.map(at).join(' '),
      fill: 'none',
      stroke: colour,
      'stroke-width': 2.5,
    }),
    ...points.map(({ x, spread }) =>
      element('circle', { cx: scaleX(x), cy: scaleY(spread.median), r: 4, fill: colour }),
    ),
    element('rect', { x: AREA.right + 16, y: legend - 6, width: 18, height: 4, rx: 2, fill: colour }),
    label(AREA.right + 42, legend, target),
  ];
}
