/** What RESULTS.md and the charts are made of: everything in here is in bench/results/<scenario>.json. */

/** A cell of a scenario: what was measured and of whom. */
export interface CellName {
  readonly variant: string;
  readonly target: string;
}

/** CPU seconds a second, within the measured window; null where nobody could tell. */
export interface Cpu {
  readonly server: number;
  /** Of that, the thread that runs the event loop. */
  readonly mainThread: number;
  /** And of its other threads the busiest one: in Parlor the one that writes to SQLite. Not in results before 30 November 2026. */
  readonly nextThread?: number;
  readonly generator: number | null;
  readonly broker: number | null;
  /** Everything else on this machine: what others take cannot be measured away. */
  readonly others: number | null;
}

/** What one run showed. */
export interface Run {
  readonly figures: Readonly<Record<string, number>>;
  readonly cpu: Cpu | null;
  /** What may not happen: loss, doubles, disorder, refusals and closings nobody asked for, what the server logged. */
  readonly faults: readonly string[];
}

/** The rounds of one cell; null where a run failed. */
export interface CellResult extends CellName {
  readonly runs: readonly (Run | null)[];
}

/** A column of the table: a figure that runs show. */
export interface FigureInfo {
  readonly key: string;
  readonly title: string;
  /** Decimals; a count if 0. */
  readonly digits: number;
}

/** Two cells compared round by round, or one cell's figure as it is (`to` is null). */
export interface Comparison {
  readonly title: string;
  readonly figure: string;
  readonly of: CellName;
  readonly to: CellName | null;
  readonly as: 'ratio' | 'difference' | 'value';
  /** What a difference or a value is divided by, such as a number of connections; 1 without it. */
  readonly per?: number;
  readonly unit?: string;
  /** The goal; with neither it is for information. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Bars: the figure of each cell. Lines: figures of each target over x, from the cells of one variant. */
export type Chart =
  | { readonly type: 'bars'; readonly title: string; readonly figure: string; readonly digits: number }
  | {
      readonly type: 'lines';
      readonly title: string;
      readonly variant: string;
      readonly xTitle: string;
      readonly yTitle: string;
      readonly points: readonly { readonly x: number; readonly figure: string }[];
    };

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

/** A scenario that was run. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly title: string;
  /** What was done, for somebody who wants to judge it. */
  readonly about: string;
  readonly mode: 'short' | 'long';
  readonly command: string;
  readonly date: string;
  /** Of Parlor, with a plus if its files had changed; null outside of a repository. */
  readonly commit: string | null;
  readonly machine: Machine;
  /** By target: what it calls itself. */
  readonly versions: Readonly<Record<string, string>>;
  /** By target: how it is set up. */
  readonly settings: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly seconds: number;
  readonly figures: readonly FigureInfo[];
  readonly cells: readonly CellResult[];
  readonly comparisons: readonly Comparison[];
  readonly chart: Chart;
  /** One line for each cell or target that could not be measured here. */
  readonly skipped: readonly string[];
  readonly failed: readonly string[];
}

/** The rounds of one figure in one cell; none if there is no such cell. */
export function roundsOf(cells: readonly CellResult[], name: CellName, figure: string): (number | null)[] {
  const cell = cells.find(({ variant, target }) => variant === name.variant && target === name.target);
  return (cell?.runs ?? []).map((run) => run?.figures[figure] ?? null);
}
