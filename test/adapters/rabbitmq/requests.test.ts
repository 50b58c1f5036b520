import t from 'tap';
import { createRequests, type Requests } from '../../../adapters/rabbitmq/commands/requests.js';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { ManualClock, turns } from '../../support/clock.js';
import { FakeConnections } from './fake-connections.js';
import { keyOf, post, Witness } from './node.js';

const WAIT_MS = 1_000;
const ROOMS = Array.from({ length: 1_000 }, (_, i) => `room-${i}`);

interface Stage {
  readonly clock: ManualClock;
  readonly requests: Requests;
  /** Why nothing can be sent, or null. */
  reason: string | null;
  readonly answers: Answer[];
  /** Asks, and forgets the command. */
  ask(roomId: string): WeakRef<Command>;
}

function begin(bufferLimit = 1_000): Stage {
  const clock = new ManualClock();
  const stage = { reason: null as string | null, answers: [] as Answer[] };
  const requests = createRequests({
    nodeId: 'n',
    partitions: 4,
    replyTimeoutMs: WAIT_MS,
    bufferLimit,
    clock,
    meter: new Witness(),
    reason: () => stage.reason,
    isNewer: () => false,
    broken: () => undefined,
  });
  return Object.assign(stage, {
    clock,
    requests,
    ask(roomId: string): WeakRef<Command> {
      const command = post(roomId, 'x');
      requests.add(command, (answer) => stage.answers.push(answer));
      return new WeakRef<Command>(command);
    },
  });
}

/** How many of them are still in memory. */
async function kept(commands: readonly WeakRef<Command>[]): Promise<number> {
  // A WeakRef holds what it was asked for until the end of the turn.
  await turns(1);
  if (!globalThis.gc) throw new Error('run with --expose-gc');
  globalThis.gc();
  return commands.filter((one) => one.deref() !== undefined).length;
}

/** A broker that is away: what is asked meanwhile. */
void t.test('an outage that lasts for hours keeps no command that was answered', async (t) => {
  const stage = begin();
  const { requests, answers, clock } = stage;
  stage.reason = 'connection refused (10.1.2.3:5672), retrying';
  const commands: WeakRef<Command>[] = [];
  for (let round = 0; round < 20; round++) {
    for (const room of ROOMS) commands.push(stage.ask(room));
    t.equal(requests.buffered, 1_000);
    await clock.pass(WAIT_MS + 20);
    t.equal(requests.buffered + requests.pending, 0);
  }
  t.equal(answers.length, 20_000);
  t.match(answers[0], { type: 'refused', code: 'unavailable', reached: 'no' });
  t.notMatch(JSON.stringify(answers[0]), /10\.1\.2\.3|5672/, 'a client is not told where the broker is');
  t.equal(await kept(commands), 0);
});

void t.test('a connection that is lost again and again keeps no command that was answered', async (t) => {
  const stage = begin();
  const { requests, clock } = stage;
  const commands: WeakRef<Command>[] = [];
  const round = async (): Promise<void> => {
    const fake = new FakeConnections();
    await requests.open(fake.connections);
    // Some are sent and never confirmed, the others come while there is no connection.
    for (const room of ROOMS.slice(0, 300)) commands.push(stage.ask(room));
    await turns(2);
    t.ok(fake.open.length > 0);
    requests.lost();
    t.equal(requests.buffered, 300, 'what was not confirmed waits again');
    await clock.pass(WAIT_MS / 2);
    for (const room of ROOMS.slice(0, 300)) commands.push(stage.ask(room));
    await clock.pass(WAIT_MS / 2 + 20);
    t.equal(requests.buffered, 300, 'those whose time is over are gone, wherever they stood');
    await clock.pass(WAIT_MS);
    t.equal(requests.buffered + requests.pending, 0);
  };
  for (let i = 0; i < 10; i++) await round();
  t.equal(await kept(commands), 0);
});

void t.test('a broker that is connected and confirms nothing for hours costs no memory', async (t) => {
  const stage = begin();
  const { requests, clock } = stage;
  const fake = new FakeConnections();
  await requests.open(fake.connections);
  const commands: WeakRef<Command>[] = [];
  for (let round = 0; round < 1_200; round++) {
    for (const room of ROOMS.slice(0, 4)) commands.push(stage.ask(room));
    await clock.pass(WAIT_MS + 20);
  }
  t.equal(requests.buffered + requests.pending, 0);
  t.ok(fake.open.length <= 4_096, `${fake.open.length} messages are unconfirmed`);
  t.equal(await kept(commands), 0);
  fake.confirmAll();
  stage.ask('room-0');
  await turns(2);
  t.equal(fake.open.length, 1, 'and when it confirms, it goes on');
});

void t.test(
  'a room with a long backlog does not keep others waiting when the broker takes little',
  async (t) => {
    const stage = begin(20_000);
    const { requests } = stage;
    const fake = new FakeConnections();
    fake.places = 1;
    const [busy = ''] = ROOMS;
    const others = ROOMS.filter((room) => keyOf(room) !== keyOf(busy)).slice(0, 20);
    for (let i = 0; i < 5_000; i++) stage.ask(busy);
    await requests.open(fake.connections);
    requests.flush();
    for (const room of others) stage.ask(room);
    await turns(2);
    // One message each time: with three other lanes, they are through after a few of them, and the backlog is not.
    for (let i = 0; i < 4; i++) fake.drain();
    t.equal(fake.keys.length, 5);
    t.same(new Set(fake.keys.slice(1)), new Set(['0', '1', '2', '3']), 'each lane in its turn');
    t.ok(requests.buffered > 4_000, 'the backlog is still there');
  },
);
