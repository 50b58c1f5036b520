import { commandPromises } from './broker-commands.js';
import { eventPromises } from './broker-events.js';
import type { Make } from './broker-fixture.js';
import { lifePromises } from './broker-life.js';
import { nodePromises } from './broker-nodes.js';

/**
 * What everybody above the port may rely on, whichever broker there is: the promises of `Broker` in engine/ports.ts.
 * `name` is what the broker calls its kind; `make` is called once a test.
 */
export function brokerConformance(name: string, make: Make): void {
  commandPromises(name, make);
  eventPromises(name, make);
  lifePromises(name, make);
  nodePromises(name, make);
}
