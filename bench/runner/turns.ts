import { errorText } from '../../engine/errors.js';
import type { CellName, CellResult, Run } from '../report/result.js';

/** What is run, before or after it was. */
export interface Turn {
  readonly cell: CellName;
  /** From 1. */
  readonly round: number;
}

export interface TurnsResult {
  readonly cells: readonly CellResult[];
  /** One line for each run that failed. */
  readonly failed: readonly string[];
}

export interface TurnsEvents {
  begins?(turn: Turn): void;
  ends?(turn: Turn, run: Run | null, error: string | null): void;
}

/**
 * Runs the cells in turns, A B A B, so that each round is a pair that the same circumstances have met. A run that
 * fails leaves a gap in its round, and the others go on.
 */
export async function takeTurns<C extends CellName>(
  cells: readonly C[],
  rounds: number,
  run: (cell: C, round: number) => Promise<Run>,
  events: TurnsEvents = {},
): Promise<TurnsResult> {
  const runs = cells.map((): (Run | null)[] => []);
  const failed: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const [index, cell] of cells.entries()) {
      const turn = { cell, round };
      events.begins?.(turn);
      let result: Run | null = null;
      let error: string | null = null;
      try {
        result = await run(cell, round);
      } catch (cause) {
        error = errorText(cause);
        failed.push(`${cell.target}, ${cell.variant}, round ${round}: ${error}`);
      }
      runs[index]?.push(result);
      events.ends?.(turn, result, error);
    }
  }
  return {
    cells: cells.map(({ variant, target }, index) => ({ variant, target, runs: runs[index] ?? [] })),
    failed,
  };
}
