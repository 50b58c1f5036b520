import type { ScenarioResult, CellResult } from './result.js';
import { spreadOf, type Spread } from './stats.js';
import { axisText, COLOURS, colourOf, element, label, picture, ticks } from './svg.js';
import { figureText } from './tables.js';

const WIDTH = 860;
const LEFT = 150;
/** For the value beside the longest bar. */
const RIGHT = 130;
const TOP = 44;
const ROW = 24;
const BAR = 16;
const HEADING = 28;

interface Bar {
  readonly target: string;
  readonly spread: Spread;
}

/** Horizontal bars of a figure's medians, with whiskers from the lowest to the highest, a heading for each variant. */
export function barsSvg(result: ScenarioResult, title: string, figure: string, digits: number): string {
  const variants = groupsOf(result.cells, figure);
  const most = Math.max(...variants.flatMap(({ bars }) => bars.map(({ spread }) => spread.max)));
  const axis = ticks(most);
  const end = axis.at(-1) ?? 1;
  const x = (value: number): number => LEFT + (Math.max(0, value) / end) * (WIDTH - LEFT - RIGHT);
  const rows: string[] = [];
  let y = TOP;
  for (const { variant, bars } of variants) {
    rows.push(label(16, y + 18, variant, { 'font-weight': 600 }));
    y += HEADING;
    for (const bar of bars) {
      rows.push(...barRow(bar, y, x, digits));
      y += ROW;
    }
  }
  const bottom = y + 4;
  const grid = axis.flatMap((value) => [
    element('line', {
      x1: x(value),
      x2: x(value),
      y1: TOP,
      y2: bottom,
      stroke: COLOURS.grid,
      'stroke-opacity': 0.3,
    }),
    label(x(value), bottom + 18, axisText(value), { 'text-anchor': 'middle', 'font-size': 12 }),
  ]);
  return picture(WIDTH, bottom + 30, title, [...grid, ...rows]);
}

function barRow({ target, spread }: Bar, y: number, x: (value: number) => number, digits: number): string[] {
  const middle = y + BAR / 2;
  return [
    label(LEFT - 8, middle + 4.5, target, { 'text-anchor': 'end' }),
    element('rect', {
      ...{ x: LEFT, y, width: Math.max(1, x(spread.median) - LEFT), height: BAR, rx: 2 },
      fill: colourOf(target),
    }),
    ...(spread.count > 1 ? whisker(x(spread.min), x(spread.max), middle) : []),
    label(
      Math.max(x(spread.median), x(spread.max)) + 8,
      middle + 4.5,
      figureText(spread.median, { digits }),
      {
        'font-weight': 600,
      },
    ),
  ];
}

/** Dark within a light halo: it is seen on a bar of any colour and beside it. */
function whisker(from: number, to: number, y: number): string[] {
  const d = `M${round(from)} ${y - 4}v8m0-4H${round(to)}m0-4v8`;
  return [
    element('path', { d, fill: 'none', stroke: COLOURS.halo, 'stroke-width': 3.5, 'stroke-opacity': 0.75 }),
    element('path', { d, fill: 'none', stroke: COLOURS.core, 'stroke-width': 1.5 }),
  ];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function groupsOf(cells: readonly CellResult[], figure: string): { variant: string; bars: Bar[] }[] {
  const variants = new Map<string, Bar[]>();
  for (const { variant, target, runs } of cells) {
    const spread = spreadOf(runs.map((run) => run?.figures[figure]));
    if (spread) variants.set(variant, [...(variants.get(variant) ?? []), { target, spread }]);
  }
  return [...variants].map(([variant, bars]) => ({ variant, bars }));
}
