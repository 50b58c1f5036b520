import { EventEmitter } from 'node:events';
import type { ChannelModel } from 'amqplib';
import t from 'tap';
import { createRequests } from '../../../adapters/rabbitmq/commands/requests.js';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { ManualClock, turns } from '../../support/clock.js';
import { keyOf, post, Witness } from './node.js';

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

/** A connection whose socket takes one message at a time: `drain` says that it takes the next one. */
function narrow(): { model: ChannelModel; keys: string[]; drain: () => void } {
  const keys: string[] = [];
  const channel = Object.assign(new EventEmitter(), {
    assertQueue: async () => undefined,
    consume: async () => undefined,
    publish(_: string, key: string): boolean {
      keys.push(key);
      return false;
    },
  });
  const open = async (): Promise<typeof channel> => channel;
  const model = { createChannel: open, createConfirmChannel: open } as unknown as ChannelModel;
  return { model, keys, drain: () => void channel.emit('drain') };
}

void t.test('a partition with a long queue does not keep the others waiting', async (t) => {
  const requests = createRequests({
    nodeId: 'n',
    partitions: 4,
    replyTimeoutMs: WAIT_MS,
    bufferLimit: 10_000,
    clock: new ManualClock(),
    meter: new Witness(),
    reason: () => null,
    isNewer: () => false,
    broken: () => undefined,
  });
  const { model, keys, drain } = narrow();
  await requests.open(model);
  // Many messages for one partition, and one for each of the others.
  const rooms = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((id) => ({ id, key: keyOf(id) }));
  const long = rooms[0]?.key;
  const others = [...new Set(rooms.map(({ key }) => key))].filter((key) => key !== long);
  t.equal(others.length, 3);
  for (let i = 0; i < 5_000; i++) requests.add(post(rooms[0]?.id ?? '', `${i}`), () => undefined);
  for (const key of others) {
    const room = rooms.find((one) => one.key === key);
    requests.add(post(room?.id ?? '', 'alone'), () => undefined);
  }
  await turns(2);
  for (let i = 0; i < 7; i++) drain();
  t.same([...new Set(keys)].sort(), [...others, long].sort(), 'each was sent something');
});
