import t, { type Test } from 'tap';
import { connect } from 'amqplib';
import type { RabbitOptions } from '../../../adapters/rabbitmq/broker.js';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Delivery } from '../../../engine/ports.js';
import { until } from '../../support/until.js';
import {
  cleanBroker,
  done,
  foreign,
  keep,
  keyOf,
  post,
  startNode,
  takeAndDie,
  type Foreign,
  type TestNode,
} from './node.js';

t.setTimeout(110_000);

const QUEUE = `parlor.commands.${keyOf('42')}`;
const LIMIT = { deliveryLimit: 5 };
const TEXTS = Array.from({ length: 30 }, (_, i) => `m${i}`);

interface Stage {
  readonly url: string;
  readonly node: TestNode;
  readonly service: Foreign;
  readonly start: (act?: TestNode['act'], change?: Partial<RabbitOptions>) => Promise<TestNode>;
}

async function begin(t: Test): Promise<Stage> {
  const url = await cleanBroker();
  const start: Stage['start'] = async (act = done, change = {}) => {
    const node = await startNode(url, { replyTimeoutMs: 800, ...change }, act);
    t.teardown(() => node.broker.close());
    return node;
  };
  const node = await start();
  const service = await foreign(url);
  t.teardown(() => service.close());
  return { url, node, service, start };
}

/** Publishes each post as a message of its own, so that what happens to messages can be seen. */
async function sendAll(service: Foreign, texts: readonly string[]): Promise<void> {
  for (const text of texts) await service.send(keyOf('42'), post('42', text));
}

function text({ command }: Delivery): string {
  return command.type === 'post' ? command.text : command.type;
}

/** Whether the next node finds nothing in the queue but what is sent after this. */
async function isEmptyFor(next: () => Promise<TestNode>, node: TestNode): Promise<boolean> {
  await node.broker.close();
  const heir = await next();
  await heir.ask(post('42', 'the last'));
  return heir.texts().length === 1;
}

void t.test('a command whose events are not out yet is not forgotten', async (t) => {
  const { node, start } = await begin(t);
  node.act = (delivery) => delivery.settle({ type: 'done' }, new Promise<void>(keep));
  t.same(await node.ask(post('42', 'answered, not published')), { type: 'done' });
  await node.broker.close();
  const next = await start();
  await until(() => next.deliveries.length === 1, { what: 'the command to come again' });
  t.equal(next.deliveries[0]?.redelivered, true);
  t.equal(await isEmptyFor(start, next), true, 'and once dealt with it is gone');
});

void t.test('a command is forgotten when its events are out, or were given up', async (t) => {
  const { node, start } = await begin(t);
  const outcomes = [async () => undefined, () => Promise.reject(new Error('no broker')), () => undefined];
  node.act = (delivery) => delivery.settle({ type: 'done' }, outcomes.shift()?.());
  for (const which of ['published', 'given up', 'without events']) await node.ask(post('42', which));
  t.equal(await isEmptyFor(start, node), true);
});

void t.test('what could not be done is done in its old order, before what came after it', async (t) => {
  const { node, service } = await begin(t);
  const finished: string[] = [];
  const other: string[] = [];
  let down = true;
  node.act = (delivery) => {
    // Decided later and in another order, as a store does that fails.
    setImmediate(() => {
      if (delivery.command.room_id !== '42') other.push(text(delivery));
      else if (down) return void setTimeout(() => delivery.retry('the store is down'), Math.random() * 10);
      else finished.push(text(delivery));
      done(delivery);
    });
  };
  await sendAll(service, TEXTS.slice(0, 10));
  await until(() => node.deliveries.length > 15, { what: 'a second try' });
  await sendAll(service, TEXTS.slice(10));
  down = false;
  await until(() => finished.length >= TEXTS.length, { what: 'all of them' });
  t.same(finished, TEXTS);
  t.match(node.witness.lines.join('\n'), /tried again.*the store is down/);
});

void t.test('a store that is down for long costs no command, however often it is tried', async (t) => {
  const { node, service } = await begin(t);
  let tries = 0;
  node.act = (delivery) => (++tries > 6 ? done(delivery) : delivery.retry('the store is down'));
  await service.send(keyOf('42'), post('42', 'patience'));
  await until(() => tries === 7, { what: 'seven tries' });
  t.equal(await service.deadCount(), 0);
});

void t.test('another node takes over when the home closes, in order, and never beside it', async (t) => {
  const { node, service, start } = await begin(t);
  node.act = keep;
  const second = await start();
  await sendAll(service, TEXTS);
  await until(() => node.deliveries.length === TEXTS.length, { what: 'the home to have them all' });
  t.same(second.deliveries, [], 'exactly one node is the home');
  for (const delivery of node.deliveries.slice(0, 10)) done(delivery);
  await node.broker.close();
  await until(() => second.deliveries.length >= 20, { what: 'the rest to arrive at the other node' });
  t.same(second.texts(), TEXTS.slice(10));
  t.ok(second.deliveries.every(({ redelivered }) => redelivered));
});

void t.test('a node that drains finishes what it has begun, then the other goes on', async (t) => {
  const { node, service, start } = await begin(t);
  node.act = keep;
  const second = await start();
  await sendAll(service, TEXTS.slice(0, 5));
  await until(() => node.deliveries.length === 5, { what: 'the home to have five' });
  const drained = node.broker.drain(10_000);
  await sendAll(service, TEXTS.slice(5));
  t.same(second.deliveries, []);
  node.deliveries.forEach(done);
  await drained;
  await until(() => second.deliveries.length >= TEXTS.length - 5, { what: 'the other to go on' });
  t.same(second.texts(), TEXTS.slice(5));
  t.same(node.texts(), TEXTS.slice(0, 5), 'the one that drains has taken no more');
});

void t.test(
  'an asker whose room does not answer in time is told queued, and it is done later, once',
  async (t) => {
    const { node } = await begin(t);
    node.act = keep;
    t.same(await node.ask(post('42', 'slow')), { type: 'queued' });
    node.deliveries.forEach(done);
    node.act = done;
    await node.ask(post('42', 'next'));
    t.same(node.texts(), ['slow', 'next']);
  },
);

void t.test(
  'a post that its room gives up is kept in parlor.dead; what only matters to the asker is not',
  async (t) => {
    const { node, service } = await begin(t);
    const refusal = (code: 'internal' | 'unavailable' | 'rate_limited' | 'room_full'): Answer => ({
      type: 'refused',
      code,
      message: `told ${code}`,
    });
    for (const code of ['internal', 'unavailable', 'rate_limited'] as const) {
      node.act = (delivery) => delivery.settle(refusal(code));
      const command = post('42', code);
      t.same(await node.ask(command), refusal(code));
      const dead = await service.dead();
      t.match(dead, { reason: code, detail: `told ${code}`, key: keyOf('42') });
      t.same(JSON.parse(dead.body), command);
      t.same(await node.ask({ type: 'describe', room_id: '42' }), refusal(code));
      t.same(await node.ask({ type: 'typing', room_id: '42', user: 'alice' }), refusal(code));
    }
    node.act = (delivery) => delivery.settle(refusal('room_full'));
    await node.ask(post('42', 'an answer like any other'));
    t.equal(await service.deadCount(), 0);
  },
);

void t.test('an engine that throws at a command refuses it, and goes on with the next', async (t) => {
  const { node, service } = await begin(t);
  node.act = () => {
    throw new Error('a bug');
  };
  t.match(await node.ask(post('42', 'x')), { type: 'refused', code: 'internal' });
  t.match(await service.dead(), { reason: 'internal' });
  node.act = done;
  t.same(await node.ask(post('42', 'y')), { type: 'done' });
});

void t.test('a command that kills whoever handles it is given up, those behind it are not', async (t) => {
  const { url, node, service, start } = await begin(t);
  await node.broker.close();
  await sendAll(service, ['killer', 'innocent 1', 'innocent 2']);
  for (let deaths = 0; deaths < 4; deaths++) await takeAndDie(url, QUEUE, 3);
  // The fifth delivery: one at a time.
  const victim = await start(keep, LIMIT);
  await until(() => victim.deliveries.length === 1, { what: 'the killer to be handled' });
  t.same(victim.texts(), ['killer'], 'alone');
  await victim.broker.close();
  const survivor = await start(done, LIMIT);
  await until(() => survivor.deliveries.length === 2, { what: 'the innocent to be handled' });
  t.same(survivor.texts(), ['innocent 1', 'innocent 2']);
  t.match(await service.dead(), { reason: 'delivered_too_often', body: /killer/ });
  t.equal(await service.deadCount(), 0);
});

void t.test('what the broker itself gives up is found in parlor.dead as well', async (t) => {
  const { node, service, url } = await begin(t);
  await node.broker.close();
  await sendAll(service, ['rejected']);
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await channel.consume(QUEUE, (message) => message && channel.nack(message, false, false));
  t.match(await service.dead(), { body: /rejected/ });
  await connection.close();
});
