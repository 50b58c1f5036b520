import type { Load } from '../load/start.js';
import type { LoadPlan } from '../load/plan.js';
import type { CellName, Chart, Comparison, FigureInfo, Run } from '../report/result.js';
import type { Subject, SubjectName } from './subjects.js';

/** How a scenario is run: from its own parameters for the short or the long version, and the command line. */
export interface Mode {
  readonly long: boolean;
  /** The measured window. */
  readonly seconds: number;
}

/** What one run may start. All of it is stopped when the run is over, however it ends. */
export interface RunContext {
  readonly mode: Mode;
  /** A fresh server. */
  target(name: SubjectName, settings?: Readonly<Record<string, string>>): Promise<Subject>;
  load(plan: LoadPlan): Load;
  /** Called at the end of the run, the last one first. */
  defer(stop: () => Promise<void> | void): void;
}

/** One thing that is measured, of one target. */
export interface Cell extends CellName {
  readonly target: SubjectName;
  run(context: RunContext): Promise<Run>;
}

/** Cells that are compared with each other: they take turns, A B A B. */
export interface Block {
  readonly cells: readonly Cell[];
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** Rounds and the measured window of each version. */
  readonly short: { readonly rounds: number; readonly seconds: number };
  readonly long: { readonly rounds: number; readonly seconds: number };
  /** Run only when it is asked for by name, or in the long version. */
  readonly onlyLong?: boolean;
  /** About how long a run may take beside its window before it counts as hung, seconds; 90 without it. */
  readonly patience?: number;
  readonly figures: readonly FigureInfo[];
  readonly chart: Chart;
  blocks(mode: Mode): readonly Block[];
  readonly comparisons: readonly Comparison[];
}
