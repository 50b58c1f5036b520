/** Calls a function in the next turn of the event loop. */
export type NextTurn = (call: () => void) => void;

/**
 * The calls of one turn share a timer: under load there are some for each read of each connection. What one of them
 * throws must be its own affair.
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
