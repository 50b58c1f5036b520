import { setPriority } from 'node:os';
import { Crowd } from './crowd.js';
import { flood, pages } from './floods.js';
import type { AttackPlan } from './plan.js';
import { halfOpen, slowHandshakes, slowRequests, storm } from './slow.js';

/**
 * An attacker has a machine of its own. This one shares the server's, so it takes only what the others leave: what is to be
 * seen is what the server makes of it, not that three processes want two cores.
 */
const LOWEST_PRIORITY = 19;

function begin(crowd: Crowd): Promise<void> {
  switch (crowd.plan.name) {
    case 'slow-http':
      return slowRequests(crowd);
    case 'slow-upgrade':
      return slowHandshakes(crowd);
    case 'half-open':
      return halfOpen(crowd);
    case 'storm':
      return storm(crowd);
    case 'pages':
      return pages(crowd);
    case 'unread':
    case 'typing':
    case 'room':
    case 'greedy':
      return flood(crowd, crowd.plan.name);
  }
}

// One process that start.ts starts and talks to; without it there is nothing to do.
process.once('disconnect', () => process.exit(0));
process.once('message', (plan: AttackPlan) => {
  setPriority(LOWEST_PRIORITY);
  const crowd = new Crowd(plan);
  process.on('message', (order: 'report' | 'end') => {
    if (order === 'end') crowd.end();
    process.send?.({ report: crowd.report() });
  });
  begin(crowd).then(
    () => process.send?.('begun'),
    (cause: unknown) => process.send?.({ error: String(cause) }),
  );
});
