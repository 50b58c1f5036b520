import t from 'tap';
import { createRequests } from '../../../adapters/rabbitmq/commands/requests.js';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { ManualClock } from '../../support/clock.js';
import { post, Witness } from './node.js';

const WAIT_MS = 1_000;

/** A broker that is away: what is asked meanwhile. */
void t.test('an outage that lasts for hours keeps no command that was answered', async (t) => {
  const clock = new ManualClock();
  const requests = createRequests({
    nodeId: 'n',
    partitions: 4,
    replyTimeoutMs: WAIT_MS,
    bufferLimit: 1_000,
    clock,
    meter: new Witness(),
    isNewer: () => false,
    reason: () => 'connection refused (10.1.2.3:5672), retrying',
    broken: () => undefined,
  });
  const answers: Answer[] = [];
  const kept: WeakRef<Command>[] = [];
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 1_000; i++) {
      const command = post(`room-${i}`, `${round}`);
      if (i < 50) kept.push(new WeakRef(command));
      requests.add(command, (answer) => answers.push(answer));
    }
    t.equal(requests.buffered, 1_000);
    await clock.pass(WAIT_MS + 20);
    t.equal(requests.buffered + requests.pending, 0);
  }
  t.equal(answers.length, 20_000);
  t.match(answers[0], { type: 'refused', code: 'unavailable', reached: 'no' });
  t.notMatch(JSON.stringify(answers[0]), /10\.1\.2\.3|5672/, 'a client is not told where the broker is');
  t.ok(globalThis.gc, 'run with --expose-gc');
  globalThis.gc?.();
  t.equal(kept.filter((one) => one.deref() !== undefined).length, 0);
});
