/**
 * Rows of what was read that are answered in one turn of the event loop. The longest page has as many. Made into JSON and
 * written it takes 1 to 2 ms, and all others wait meanwhile.
 */
const ROWS_A_TURN = 100;

/**
 * Spreads the answers to reads over the turns of the event loop: the store may hand over sixteen pages at once, and everybody
 * else would wait until the last of them is written.
 */
export interface AnswerPace {
  /** Resolves when an answer of this many rows may be made, in order of the calls; at once while there is little to do. */
  wait(rows: number): Promise<void>;
}

export function createAnswerPace(): AnswerPace {
  const waiting: { readonly rows: number; readonly go: () => void }[] = [];
  let rowsNow = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(nextTurn);
  }

  function nextTurn(): void {
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
      // Nothing takes some work, too.
      const weight = Math.max(1, rows);
      if (waiting.length === 0 && rowsNow < ROWS_A_TURN) {
        rowsNow += weight;
        return Promise.resolve();
      }
      return new Promise((go) => waiting.push({ rows: weight, go }));
    },
  };
}
