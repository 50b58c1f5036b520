/** Calls a function in the next turn of the event loop. */
export type NextTurn = (call: () => void) => void;

/**
 * The calls of one turn share one `setImmediate`: under load there are several for each read of each connection. A call
 * must not throw, since that would skip those behind it.
 */
export function createNextTurn(): NextTurn {
  let waiting: (() => void)[] = [];
  const run = (): void => {
    const calls = waiting;
    waiting = [];
    for (const call of calls) call();
  };
  return (call) => {
    if (waiting.push(call) === 1) setImmediate(run);
  };
}
