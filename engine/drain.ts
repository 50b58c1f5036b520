import { atMost } from './at-most.js';
import type { Audiences } from './audiences.js';
import type { Connections } from './connections.js';
import type { Journal } from './journal.js';
import type { Broker, Clock } from './ports.js';

/**
 * The part of the time by whose end a step is over. Handing over is a matter of milliseconds where nothing hangs, and
 * telling the clients needs the most. What is left is for the last commits.
 */
const BY = { handedOver: 0.25, told: 0.75, quiet: 0.9 };

/** How often it is looked whether everything is answered, ms. */
const LOOK_MS = 20;

export interface DrainParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly connections: Connections;
  readonly audiences: Audiences;
  readonly journal: Journal;
  /** From now on commands of services are refused. */
  readonly refuseCommands: () => void;
}

/**
 * Empties a node, within about `ms`.
 *
 * First its rooms go to the other nodes, while its clients stay connected and go on posting: over the broker, as they
 * would on a node that is home of nothing. Then the clients are told to come back, some at a time. Their leaves and all
 * that was accepted are waited for, since the broker is closed next.
 *
 * A node that is alone hands nothing over, for nobody would take it: its rooms go on until its clients are gone.
 */
export async function drain(parts: DrainParts, ms: number): Promise<void> {
  const { broker, clock, connections, journal } = parts;
  const begun = clock.elapsed();
  const leftUntil = (share: number): number => Math.max(0, begun + ms * share - clock.elapsed());
  connections.takeNoMore();
  const isAlone = broker.nodes().size === 0;
  if (!isAlone) await broker.drain(leftUntil(BY.handedOver));
  await connections.restart(leftUntil(BY.told), isAlone);
  parts.refuseCommands();
  await quiet(parts, leftUntil(BY.quiet));
  if (isAlone) await broker.drain(leftUntil(1));
  await atMost(clock, leftUntil(1), journal.idle());
}

/** Resolves when every seat is given back and every command of this node is answered, at the latest after `ms`. */
async function quiet({ broker, clock, audiences }: DrainParts, ms: number): Promise<void> {
  const end = clock.elapsed() + ms;
  while ((audiences.count > 0 || broker.state().pending > 0) && clock.elapsed() < end)
    await new Promise<void>((look) => clock.after(Math.min(LOOK_MS, end - clock.elapsed()), look));
}
