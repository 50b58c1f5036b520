import type { Test } from 'tap';
import type { Group, LoadPlan } from '../../bench/load/plan.js';
import { startLoad, type Load } from '../../bench/load/start.js';
import type { Server } from './server.js';

/**
 * One room of six in two processes: seats 0 and 1 post and read, 2 and 3 (one in each process) read, 4 and 5 count.
 * One post of each poster is under way.
 */
export const SIX: Group = {
  name: 'six',
  rooms: 1,
  members: 6,
  talkEvery: 1,
  posters: 2,
  load: { type: 'closed', inFlight: 1 },
};
export const READERS = 4;

/** A load that is stopped when the test ends. Short: what is tested is what it says, not how fast it is. */
export function loadOn(
  t: Test,
  server: Server,
  groups: readonly Group[],
  more: Partial<LoadPlan> = {},
): Load {
  const load = startLoad({
    dialect: 'parlor',
    ports: [server.port],
    processes: 2,
    groups,
    warmUpMs: 0,
    seconds: 0.5,
    connecting: 10,
    textBytes: 80,
    ...more,
  });
  t.teardown(() => load.stop());
  return load;
}
