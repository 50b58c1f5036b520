/**
 * Rows of what was read that are answered in one turn of the event loop. The longest page has as many. Made into JSON and
 * written it takes 1 to 2 ms, and all others wait meanwhile.
 */
const ROWS_A_TURN = 100;
/** The longest pause between two turns with so many rows, ms: reads go on also on a machine that is busy with other things. */
const MOST_PAUSE_MS = 10;
/**
 * How long a pause is, in turns like the one before it. With 1, under a flood of long pages, the p99 of those who chat was 3.2 to
 * 4.8 times what it is without; with 3 it is 2.0 to 2.7 times (attacks, 3 runs each).
 */
const PAUSE_TURNS = 3;

/**
 * Spreads the answers to reads over the turns of the event loop, and takes at most about a quarter of its time for them. The
 * store may hand over sixteen pages at once, and goes on handing over pages; everybody else would wait until they are written.
 */
export interface AnswerPace {
  /** Resolves when an answer of this many rows may be made, in order of the calls; at once while there is little to do. */
  wait(rows: number): Promise<void>;
}

export function createAnswerPace(): AnswerPace {
  const waiting: { readonly rows: number; readonly go: () => void }[] = [];
  let rowsNow = 0;
  /** When the turn began in which the rows of now were let through. */
  let begunAt = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    begunAt = performance.now();
    setImmediate(turnEnded);
  }

  function turnEnded(): void {
    // The rest of the turn was spent on these answers, or on others who have waited for longer then.
    if (rowsNow < ROWS_A_TURN) return goOn();
    setTimeout(goOn, Math.min(MOST_PAUSE_MS, PAUSE_TURNS * (performance.now() - begunAt)));
  }

  function goOn(): void {
    isScheduled = false;
    rowsNow = 0;
    while (rowsNow < ROWS_A_TURN) {
      const next = waiting.shift();
      if (!next) break;
      rowsNow += next.rows;
      next.go();
    }
    if (rowsNow > 0) schedule();
  }

  return {
    wait(rows) {
      schedule();
      // An answer of no rows takes some work, too.
      const weight = Math.max(1, rows);
      if (waiting.length === 0 && rowsNow < ROWS_A_TURN) {
        rowsNow += weight;
        return Promise.resolve();
      }
      return new Promise((go) => waiting.push({ rows: weight, go }));
    },
  };
}
