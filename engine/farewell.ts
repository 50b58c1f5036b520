import type { ClientSocket } from './client-socket.js';
import type { Clock } from './ports.js';

/**
 * Clients that are told in one step, and the pause between two steps, ms. That is a thousand a second, an eighth of the
 * joins that a node can take (README, Benchmarks), so the nodes that let them in again hardly notice.
 */
const STEP = { clients: 25, ms: 25 };

/**
 * Clients come back over so many ms for each of them, at least `least` and at most `most`: who was told in the same step
 * must not come back in the same moment.
 */
const RETURN_MS = { each: 1, least: 1_000, most: 30_000 };

/** By when clients have to be told, and when they may come back. */
export interface FarewellTimes {
  /** All are told within so many ms, whether or not their posts are answered. */
  readonly withinMs: number;
  /** How long a seat is kept, ms. Clients are asked to be back in half of it, so that they find theirs. */
  readonly graceMs: number;
  /** Nobody is there to let them in before this node has come back. */
  readonly isAlone: boolean;
}

/** How long after its end a client may be asked to wait, ms, where `count` of them come back. */
export function returnSpreadMs(count: number, graceMs: number): number {
  const { each, least, most } = RETURN_MS;
  return Math.min(Math.max(least, count * each), graceMs / 2, most);
}

/**
 * Ends connections with 1012, some at a time and each once its posts are answered. Resolves when none is left. There
 * must come no more meanwhile.
 */
export async function sayFarewell(
  connections: ReadonlySet<ClientSocket>,
  clock: Clock,
  times: FarewellTimes,
): Promise<void> {
  const { withinMs, graceMs, isAlone } = times;
  const line = [...connections];
  const perMs = Math.max(STEP.clients / STEP.ms, line.length / Math.max(1, withinMs));
  const spreadMs = returnSpreadMs(line.length, graceMs);
  const begun = clock.elapsed();
  let told = 0;
  while (connections.size > 0) {
    const ms = clock.elapsed() - begun;
    const isOver = ms >= withinMs;
    const due = isOver ? line.length : STEP.clients + Math.floor(ms * perMs);
    // Where nobody else is there, it is of no use to come back while this node still tells others to go.
    const leastMs = isAlone ? Math.max(0, line.length / perMs - ms) : 0;
    for (const connection of line.slice(told, due)) {
      connection.restart(Math.round(leastMs + Math.random() * spreadMs));
    }
    told = Math.max(told, due);
    if (isOver) for (const connection of [...connections]) connection.restartNow();
    if (isOver || connections.size === 0) return;
    await new Promise<void>((next) => clock.after(STEP.ms, next));
  }
}
