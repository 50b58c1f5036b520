import { startLoad } from '../load/start.js';
import type { CellResult, Run, ScenarioResult } from '../report/result.js';
import { createScope, within } from './scope.js';
import { takeTurns, type TurnsEvents } from './turns.js';
import type { Cell, Mode, Scenario } from '../scenarios/scenario.js';
import { startSubject, type SubjectName } from '../scenarios/subjects.js';
import { commandOf, type BenchOptions } from './cli.js';
import { thisCommit, thisMachine } from './machine.js';

/** Beside its window a run may take so long, s; then it hangs. */
const PATIENCE_S = 90;

/** A scenario with what the command line makes of it. */
export interface Planned {
  readonly scenario: Scenario;
  readonly mode: Mode;
  readonly rounds: number;
  /** Of each block the cells that can and shall be run; no block without one. */
  readonly blocks: readonly (readonly Cell[])[];
  readonly skipped: readonly string[];
}

/** What is to be run of a scenario: of these targets, if any are named, those that are not missing. */
export function planScenario(
  scenario: Scenario,
  options: BenchOptions,
  missing: ReadonlyMap<string, string>,
): Planned {
  const { rounds, seconds } = options.long ? scenario.long : scenario.short;
  const mode = { long: options.long, seconds: options.seconds ?? seconds };
  const wanted = scenario
    .blocks(mode)
    .map(({ cells }) => cells.filter(({ target }) => options.targets?.includes(target) ?? true));
  const names = [...new Set(wanted.flat().map(({ target }) => target))];
  return {
    scenario,
    mode,
    rounds: options.pairs ?? rounds,
    blocks: wanted
      .map((cells) => cells.filter(({ target }) => !missing.has(target)))
      .filter((cells) => cells.length > 0),
    skipped: names.flatMap((name) => {
      const reason = missing.get(name);
      return reason === undefined ? [] : [`${name}: ${reason}`];
    }),
  };
}

export function runsOf({ blocks, rounds }: Planned): number {
  return blocks.reduce((sum, cells) => sum + cells.length, 0) * rounds;
}

/** Runs a scenario, cell after cell, each with a fresh server. Runs that fail stand in the result. */
export async function runScenario(
  planned: Planned,
  options: BenchOptions,
  events: TurnsEvents,
): Promise<ScenarioResult> {
  const { scenario, mode, rounds, blocks, skipped } = planned;
  const versions: Record<string, string> = {};
  const settings: Record<string, string> = {};
  const cells: CellResult[] = [];
  const failed: string[] = [];
  const patience = (scenario.patience ?? PATIENCE_S) + 2 * mode.seconds;
  const learn = (name: SubjectName, about: { version: string; settings: string }): void => {
    versions[name] = about.version;
    settings[name] = about.settings;
  };
  for (const block of blocks) {
    const turns = await takeTurns(block, rounds, (cell) => runCell(cell, mode, patience, learn), events);
    cells.push(...turns.cells);
    failed.push(...turns.failed);
  }
  return {
    scenario: scenario.name,
    title: scenario.title,
    about: scenario.about,
    mode: mode.long ? 'long' : 'short',
    command: commandOf(scenario.name, options),
    date: new Date().toISOString(),
    commit: thisCommit(),
    machine: thisMachine(),
    versions,
    settings,
    rounds,
    seconds: mode.seconds,
    figures: scenario.figures,
    cells,
    comparisons: scenario.comparisons.filter(({ of, to }) =>
      [of, to].every((name) => name === null || isAmong(cells, name)),
    ),
    chart: scenario.chart,
    skipped,
    failed,
  };
}

function isAmong(cells: readonly CellResult[], name: { variant: string; target: string }): boolean {
  return cells.some(({ variant, target }) => variant === name.variant && target === name.target);
}

async function runCell(
  cell: Cell,
  mode: Mode,
  patienceSeconds: number,
  learn: (name: SubjectName, about: { version: string; settings: string }) => void,
): Promise<Run> {
  const scope = createScope();
  try {
    const run = cell.run({
      mode,
      async target(name, settings) {
        const target = await startSubject(name, settings);
        scope.defer(() => target.stop());
        learn(name, target);
        return target;
      },
      load(plan) {
        const load = startLoad(plan);
        scope.defer(() => load.stop());
        return load;
      },
      defer: (stop) => scope.defer(stop),
    });
    return await within(patienceSeconds * 1000, 'it hung, and was ended', run);
  } finally {
    await scope.close();
  }
}
