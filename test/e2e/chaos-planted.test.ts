import t from 'tap';
import { check } from '../checker/check.js';
import type { Violation } from '../checker/violations.js';
import { chaos, planted } from './chaos/chaos.js';
import type { Happening } from './chaos/schedule.js';
import { startServers } from './support/cluster.js';
import type { PlantedFault } from './support/planted-fault.js';

/** Each fault, and what the checker has to find at least one of. */
const FINDS: Readonly<Record<PlantedFault, readonly Violation['kind'][]>> = {
  'no-fencing': ['wrong_seq', 'vanished'],
  'early-answers': ['lost'],
  'no-gap-repair': ['missed'],
  'no-roll-call': ['over_capacity', 'seat_lost', 'left_but_present'],
};

/**
 * Enough to show each of them:
 *
 * - one is cut off for long enough that its rooms get other homes. They come back to it when it has connected again and
 *   the nodes have shared out: that is 3 s later at least, and it has to happen under load
 * - two has a store that is away
 * - two is cut off for less than GRACE_MS, and its members miss events. After a longer cut they would have lost their seats,
 *   and who joins again is shown everything
 * - three, a home, is gone
 */
const SCHEDULE: readonly Happening[] = [
  { at: 1_000, ms: 3_000, fate: { type: 'cut', node: 'one', from: 'RabbitMQ', how: 'visibly' } },
  { at: 2_000, ms: 1_000, fate: { type: 'cut', node: 'two', from: 'PostgreSQL', how: 'visibly' } },
  { at: 5_000, ms: 300, fate: { type: 'cut', node: 'two', from: 'RabbitMQ', how: 'visibly' } },
  { at: 15_000, ms: 1_000, fate: { type: 'kill', node: 'three' } },
];
/** What a faulty program never comes to is not waited for at length, ms. */
const PATIENCE_MS = 3_000;
/** Twelve nodes share the machine: where it is busy, a run may have too little traffic for a fault to show. */
const MOST_RUNS = 2;

t.setTimeout(290_000);
// Each process that is started listens for the end of this one.
process.setMaxListeners(100);

// All at once: each of them mostly waits.
t.test('chaos finds a fault that is planted into the program:', { jobs: 4 }, async (t) => {
  const servers = await startServers();
  t.teardown(() => servers.close());
  for (const [fault, kinds] of Object.entries(FINDS))
    void t.test(fault, { buffered: true }, async (t) => {
      const seeds: number[] = [];
      let found = 0;
      while (found === 0 && seeds.length < MOST_RUNS) {
        const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
        seeds.push(seed);
        const { history } = await chaos({
          ...{ servers, seed, schedule: SCHEDULE, tell: () => undefined, patienceMs: PATIENCE_MS },
          ...planted(fault),
        });
        found = check(history).filter(({ kind }) => kinds.includes(kind)).length;
      }
      t.ok(found > 0, `seeds ${seeds.join(', ')}: ${found} × ${kinds.join(', ')}`);
    });
});
