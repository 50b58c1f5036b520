import { compare, goalText, numberText, valueText, verdictText, type Compared } from './compare.js';
import type { CellResult, Cpu, FigureInfo, ScenarioResult } from './result.js';
import { spreadOf, type Spread } from './stats.js';
import { table } from './text.js';

/** A figure with its decimals and separators. */
export function figureText(value: number, { digits }: Pick<FigureInfo, 'digits'>): string {
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A median, and between what it lies where there were several rounds: `3.52 (3.40 – 3.60)`. */
export function spreadText(spread: Spread | null, write: (value: number) => string): string {
  if (!spread) return '–';
  const { count, median, min, max } = spread;
  return count === 1 ? write(median) : `${write(median)} (${write(min)} – ${write(max)})`;
}

/** A row for each cell: its figures, and what everybody used of the machine meanwhile. */
export function figuresTable({ figures, cells }: ScenarioResult): string {
  const shown = figures.filter(({ key }) => cells.some((cell) => ofFigure(cell, key) !== null));
  const brokers = cells.some((cell) => ofCpu(cell, ({ broker }) => broker) !== null);
  const threads = cells.some((cell) => ofCpu(cell, ({ nextThread }) => nextThread) !== null);
  const perDelivery = cells.some((cell) => ofDelivery(cell) !== null);
  const watched = cells.some(({ runs }) => runs.some((run) => run?.cpu));
  const cpuColumns: readonly (readonly [string, (cpu: Cpu) => number | undefined | null])[] = watched
    ? [
        ['CPU server', ({ server }) => server],
        ['its main thread', ({ mainThread }) => mainThread],
        ...(threads ? [['its next thread', ({ nextThread }: Cpu) => nextThread] as const] : []),
        ['generator', ({ generator }) => generator],
        ...(brokers ? [['broker', ({ broker }: Cpu) => broker] as const] : []),
        ['others', ({ others }) => others],
      ]
    : [];
  const head = ['what', 'target', ...shown.map(({ title }) => title), ...cpuColumns.map(([title]) => title)];
  if (perDelivery) head.push('server, µs a delivery');
  const rows = cells.map((cell) => [
    cell.variant,
    cell.target,
    ...shown.map((figure) => {
      const spread = ofFigure(cell, figure.key);
      return spreadText(spread, (value) => figureText(value, figure));
    }),
    ...cpuColumns.map(([, read]) => {
      const spread = ofCpu(cell, read);
      return spread ? spread.median.toFixed(2) : '';
    }),
    ...(perDelivery ? [ofDelivery(cell)?.median.toFixed(2) ?? ''] : []),
  ]);
  return table(
    head,
    rows.map((row) => row.map(escapeCell)),
    2,
  );
}

function ofFigure(cell: CellResult, key: string): Spread | null {
  return spreadOf(cell.runs.map((run) => run?.figures[key]));
}

/** CPU of the server for each delivery, µs. */
function ofDelivery(cell: CellResult): Spread | null {
  return spreadOf(
    cell.runs.map((run) => (run?.cpu ? (run.cpu.server / (run.figures.deliveries ?? NaN)) * 1e6 : null)),
  );
}

function ofCpu(cell: CellResult, read: (cpu: Cpu) => number | undefined | null): Spread | null {
  return spreadOf(cell.runs.map((run) => (run?.cpu ? read(run.cpu) : null)));
}

/** All comparisons of a result, with their verdicts. */
export function comparedOf(result: ScenarioResult): Compared[] {
  return result.comparisons.map((comparison) => compare(comparison, result.cells));
}

/** A row for each comparison: the goal, what came out round by round, and whether that is enough. */
export function comparisonsTable(all: readonly Compared[]): string {
  const head = ['compared round by round', 'goal', 'median', 'lowest', 'highest', 'goal reached?'];
  const rows = all.map((compared) => {
    const { comparison, spread } = compared;
    const text = (value: number | undefined): string =>
      value === undefined
        ? '–'
        : comparison.as === 'ratio'
          ? numberText(value)
          : valueText(value, comparison);
    return [
      comparison.title,
      goalText(comparison),
      text(spread?.median),
      text(spread?.min),
      text(spread?.max),
      verdictText(compared),
    ];
  });
  return table(
    head,
    rows.map((row) => row.map(escapeCell)),
    1,
  );
}

/** Text that stays in its cell of a Markdown table. */
export function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
