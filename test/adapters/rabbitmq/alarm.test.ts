import t, { type Test } from 'tap';
import { slotOf } from '../../../engine/slots.js';
import { posted } from '../../conformance/broker-fixture.js';
import { startPrivateRabbit, type PrivateRabbit } from '../../support/rabbitmq.js';
import { until } from '../../support/until.js';
import { Cable } from './cable.js';
import { foreign, keep, keyOf, post, startNode, type Foreign, type TestNode } from './node.js';

t.setTimeout(110_000);

const QUICK = { replyTimeoutMs: 1_000 };
const STARTED_MS = 30_000;

/** RabbitMQ in a memory alarm: it reads nothing any more from connections that publish. */
void t.test('in an alarm of the broker', async (t) => {
  const rabbit: PrivateRabbit = await startPrivateRabbit();
  t.teardown(() => rabbit.close());

  const alarm = (): Promise<string> => rabbit.ctl('set_vm_memory_high_watermark', '0');
  const allClear = (): Promise<string> => rabbit.ctl('set_vm_memory_high_watermark', '0.4');

  async function start(t: Test, act?: TestNode['act']): Promise<TestNode> {
    const node = await startNode(rabbit.url, QUICK, act);
    t.teardown(() => node.broker.close());
    return node;
  }

  async function service(t: Test): Promise<Foreign> {
    const one = await foreign(rabbit.url);
    t.teardown(() => one.close());
    return one;
  }

  /** Messages that are in the command queues, delivered or not. */
  async function queued(): Promise<number> {
    const rows = await rabbit.ctl('-q', '--no-table-headers', 'list_queues', 'name', 'messages');
    const counts = rows
      .split('\n')
      .filter((row) => row.startsWith('parlor.commands.'))
      .map((row) => Number(row.split('\t')[1]));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async function blocked(node: TestNode): Promise<void> {
    await until(() => /accepts nothing/.test(node.broker.state().reason ?? ''), {
      what: 'the node to notice the alarm',
    });
  }

  async function ready(node: TestNode): Promise<void> {
    await until(() => node.broker.state().ready, { what: 'the node to go on', timeoutMs: STARTED_MS });
  }

  await t.test('an operator can tell a node’s two connections apart', async (t) => {
    const node = await start(t);
    const names = await rabbit.ctl('-q', 'list_connections', 'client_properties');
    t.match(names, `{"connection_name","parlor publish ${node.id}"}`);
    t.match(names, `{"connection_name","parlor consume ${node.id}"}`);
  });

  await t.test('a home goes on with what is queued, and acknowledges it', async (t) => {
    const node = await start(t, keep);
    const sender = await service(t);
    for (let i = 0; i < 20; i++) await sender.send(keyOf('42'), post('42', `${i}`));
    await until(() => node.deliveries.length === 20, { what: 'the commands' });
    await alarm();
    t.teardown(allClear);
    await blocked(node);
    const [first] = node.deliveries;
    const until3s = performance.now() + 3_000;
    await until(
      () => {
        if (first?.session.isCurrent !== true) throw new Error('the node does not know that it is the home');
        return performance.now() > until3s;
      },
      { what: 'twice the time that a proof lasts' },
    );
    const published = node.deliveries.map((delivery, i) => {
      const event = posted(post('42', `${i}`), i + 1);
      const done = node.broker.publish([event]);
      delivery.settle({ type: 'done' }, done);
      return done;
    });
    await Promise.all(published);
    await until(async () => (await queued()) === 0, { what: 'the queue to be empty' });
    t.equal(node.broker.state().ready, false, 'and posts are still refused');
  });

  await t.test('what was carried out in it reaches everybody afterwards', async (t) => {
    const [node, other] = [await start(t, keep), await start(t)];
    await other.broker.subscribe(slotOf('42'));
    const sender = await service(t);
    const { queue } = await sender.channel.assertQueue('', { exclusive: true });
    await sender.channel.bindQueue(queue, 'parlor.events', '#');
    await alarm();
    t.teardown(allClear);
    await Promise.all([blocked(node), blocked(other)]);
    const events = Array.from({ length: 50 }, (_, i) => posted(post('42', `${i}`), i + 1));
    for (const event of events) await node.broker.publish([event]);
    t.same([other.heard, other.missedTimes], [[], 0]);
    await allClear();
    await until(() => other.heard.length >= 50, { what: 'the events' });
    t.same(other.heard, events);
    await until(() => other.missedTimes > 0, {
      what: 'the other node to read the store, as some home may have died with its events',
    });
    t.ok(await sender.channel.checkQueue(queue), 'and services that follow');
  });

  await t.test('an answer that could not be sent is sent when it is over soon', async (t) => {
    const node = await start(t, keep);
    const sender = await service(t);
    const answer = sender.call(keyOf('42'), post('42', 'x'));
    await until(() => node.deliveries.length === 1, { what: 'the command' });
    await alarm();
    t.teardown(allClear);
    await blocked(node);
    node.deliveries[0]?.settle({ type: 'done' });
    await until(async () => (await queued()) === 0, { what: 'the command to be acknowledged' });
    await allClear();
    t.same(await answer, { type: 'done' });
  });

  await t.test('a node that starts in it empties the queues', async (t) => {
    const before = await start(t);
    await before.broker.close();
    const sender = await service(t);
    for (let i = 0; i < 1_000; i++)
      sender.channel.publish('parlor.commands', keyOf('42'), Buffer.from(JSON.stringify(post('42', `${i}`))));
    await sender.channel.waitForConfirms();
    await alarm();
    t.teardown(allClear);
    const node = await start(t);
    await until(() => node.deliveries.length >= 1_000, { what: 'the commands', timeoutMs: STARTED_MS });
    await until(async () => (await queued()) === 0, { what: 'the queue to be empty', timeoutMs: STARTED_MS });
    await allClear();
    await ready(node);
    t.same(await node.ask(post('42', 'after')), { type: 'done' });
    t.same(
      node.texts(),
      [...Array(1_000).keys(), 'after'].map((text) => `${text}`),
    );
  });

  await t.test('a node that starts in it beside another takes over when that one dies', async (t) => {
    const old = await start(t, keep);
    const sender = await service(t);
    for (let i = 0; i < 5; i++) await sender.send(keyOf('42'), post('42', `${i}`));
    await until(() => old.deliveries.length === 5, { what: 'the commands' });
    await alarm();
    t.teardown(allClear);
    await blocked(old);
    const node = await start(t);
    t.match(node.broker.state().reason, /accepts nothing/);
    await old.broker.close();
    await until(() => node.texts().length === 5, {
      what: 'the commands at the new home',
      timeoutMs: STARTED_MS,
    });
    await until(async () => (await queued()) === 0, { what: 'the queue to be empty' });
    await allClear();
    await ready(node);
  });

  await t.test(
    'nodes that have known each other are not taken for gone, however long it lasts',
    async (t) => {
      const [node, other] = [await start(t), await start(t)];
      await until(() => [node, other].every(({ broker }) => broker.nodes().size === 1), {
        what: 'the nodes to know each other',
      });
      await alarm();
      t.teardown(allClear);
      await Promise.all([blocked(node), blocked(other)]);
      // Longer than any lease: a foreign connection shows that time has passed for the broker, too.
      const end = performance.now() + 4_000;
      await until(() => performance.now() > end, { what: 'ten beats' });
      await allClear();
      await Promise.all([ready(node), ready(other)]);
      const words = other.words.length;
      await until(
        () => {
          node.broker.say({ type: 'typing', room_id: '42', user: 'alice' }, null);
          return other.words.length > words;
        },
        { what: 'words to get through' },
      );
      t.same([node.gone, other.gone], [[], []]);
    },
  );

  await t.test('a connection that is lost in it comes back in it', async (t) => {
    const cable = await Cable.to(t, rabbit.url);
    const node = await startNode(cable.url, QUICK, keep);
    t.teardown(() => node.broker.close());
    const sender = await service(t);
    await sender.send(keyOf('42'), post('42', 'x'));
    await until(() => node.deliveries.length === 1, { what: 'the command' });
    await alarm();
    t.teardown(allClear);
    await blocked(node);
    cable.cut();
    node.act = (delivery) => delivery.settle({ type: 'done' });
    await until(() => node.deliveries.length === 2, { what: 'the command again', timeoutMs: STARTED_MS });
    await until(async () => (await queued()) === 0, { what: 'the queue to be empty' });
    await allClear();
    await ready(node);
  });
});
