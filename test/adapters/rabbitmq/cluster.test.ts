import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import t, { type Test } from 'tap';
import type { RabbitOptions } from '../../../adapters/rabbitmq/broker.js';
import { freshVhost } from '../../support/rabbitmq-private.js';
import { until } from '../../support/until.js';
import { Cable } from './cable.js';
import { cleanBroker, makeNode, PARTITIONS, post, STORE, type TestNode } from './node.js';

t.setTimeout(110_000);

/** Another store than that of the other nodes. */
const OTHER = { ...STORE, id: randomUUID() };
/** A store that goes with its process. */
const passing = () => ({ id: randomUUID(), durable: false, shared: false });

async function start(t: Test, url: string, change: Partial<RabbitOptions> = {}): Promise<TestNode> {
  const node = makeNode(url, change);
  t.teardown(() => node.broker.close());
  await node.broker.start(node);
  return node;
}

/** Why a node did not start. */
async function refusal(t: Test, url: string, change: Partial<RabbitOptions>): Promise<string> {
  return start(t, url, change).then(
    () => {
      throw new Error('it was to be refused');
    },
    (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
  );
}

void t.test('a node on another store does not start, and the cluster goes on', async (t) => {
  const url = await cleanBroker();
  const node = await start(t, url);
  const text = await refusal(t, url, { store: () => OTHER });
  t.match(text, STORE.id);
  t.match(text, OTHER.id);
  t.match(text, /virtual host \S+ of RabbitMQ belongs to a cluster .* another virtual host in AMQP_URL/);
  t.notMatch(text, /\n/);
  t.same(await node.ask(post('42', 'as before')), { type: 'done' });
  t.same(await (await start(t, url)).ask(post('42', 'another node of the cluster')), { type: 'done' });
  await node.broker.close();
});

void t.test('a node with another number of partitions does not start', async (t) => {
  const url = await cleanBroker();
  await start(t, url);
  const text = await refusal(t, url, { partitions: PARTITIONS * 2 });
  t.match(text, /a cluster with PARTITIONS=4, and this node has PARTITIONS=8: set PARTITIONS=4 here/);
  t.notMatch(text, /\n/);
  const connection = await connect(url);
  t.teardown(() => connection.close());
  const channel = await connection.createChannel();
  channel.on('error', () => undefined); // What checkQueue rejects with.
  await t.rejects(
    channel.checkQueue(`parlor.commands.${PARTITIONS}`),
    { message: /NOT_FOUND/ },
    'it has left nothing behind',
  );
});

void t.test('a virtual host stays its cluster’s while none of its nodes runs', async (t) => {
  const url = await cleanBroker();
  await (await start(t, url)).broker.close();
  t.match(await refusal(t, url, { store: () => OTHER }), STORE.id);
  await start(t, url);
});

void t.test('of nodes that start at once those of one store do, and no others', async (t) => {
  const url = await cleanBroker();
  const stores = [STORE, OTHER, STORE, OTHER, STORE, OTHER];
  const outcomes = await Promise.allSettled(stores.map((store) => start(t, url, { store: () => store })));
  const started = stores.filter((_, i) => outcomes[i]?.status === 'fulfilled');
  t.equal(started.length, 3);
  t.equal(new Set(started).size, 1);
});

void t.test('what is in the way is named also where the virtual host has a long name', async (t) => {
  const ctlPath = process.env.PARLOR_TEST_RABBITMQCTL;
  if (ctlPath === undefined) return t.comment('not on a given broker: it is not ours to change');
  const short = String(process.env.PARLOR_TEST_AMQP_URL);
  const url = await freshVhost({ url: short, ctlPath }, 'of-a-name-that-is-longer');
  await start(t, url);
  // RabbitMQ cuts its text after 255 bytes.
  const text = await refusal(t, url, { store: () => OTHER, partitions: 7 });
  t.match(text, /PARTITIONS=4; .*PARTITIONS=7/);
  t.match(text, STORE.id.slice(0, 8));
  const longer = await freshVhost({ url: short, ctlPath }, 'x'.repeat(100));
  await start(t, longer);
  t.match(await refusal(t, longer, { store: () => OTHER }), OTHER.id);
});

void t.test('a store that only one process can use is for one node, which is told so once', async (t) => {
  const url = await cleanBroker();
  const node = await start(t, url, { store: passing });
  const warnings = node.witness.lines.filter((line) => line.includes('the only node'));
  t.equal(warnings.length, 1);
  t.match(warnings[0], /^warn /);
  const [same, kept] = await Promise.all([refusal(t, url, { store: passing }), refusal(t, url, {})]);
  t.match(same, /is used by a node whose store no other process can use, and so is this node’s: end/);
  t.match(kept, /is used by a node whose store no other process can use: end that node, or name another/);
  t.same(await node.ask(post('42', 'as before')), { type: 'done' });
  await node.broker.close();
  await start(t, url, { store: passing });
});

void t.test('a virtual host with a store that is kept is not for one that is not', async (t) => {
  const url = await cleanBroker();
  const node = await start(t, url);
  t.notOk(
    node.witness.lines.some((line) => line.startsWith('warn')),
    node.witness.lines.join(),
  );
  await node.broker.close();
  const begun = performance.now();
  t.match(await refusal(t, url, { store: passing }), /belongs to a cluster with a durable store/);
  t.ok(performance.now() - begun < 5_000, 'at once, since waiting would not help');
});

void t.test('a node is not locked out by its own connection that RabbitMQ has not missed yet', async (t) => {
  const url = await cleanBroker();
  const cable = await Cable.to(t, url);
  const id = passing();
  // Each attempt takes the next address, so all that come soon are made to the broker itself.
  const urls = [cable.url, ...Array<string>(50).fill(url)];
  // RabbitMQ misses it later than the node does.
  urls[0] = `${cable.url}?heartbeat=4`;
  const node = await start(t, cable.url, { urls, store: () => id });
  cable.silence();
  await until(() => !node.broker.state().ready, { what: 'it to notice' });
  await until(() => node.broker.state().ready, { what: 'it to be back', timeoutMs: 20_000 });
  t.ok(
    node.witness.lines.some((line) => line.includes('whose store no other process can use')),
    'it had to wait',
  );
  t.same(await node.ask(post('42', 'back')), { type: 'done' });
});

/** Ends a node's connection after something has been done to the broker that it comes back to. */
async function replaced(
  t: Test,
  by: (url: string) => Promise<void>,
): Promise<{ url: string; node: TestNode }> {
  const url = await cleanBroker();
  const cable = await Cable.to(t, url);
  const node = await start(t, cable.url);
  cable.silence();
  await by(url);
  cable.cut();
  cable.mend();
  await until(() => !node.broker.state().ready, { what: 'the node to notice', intervalMs: 1 });
  return { url, node };
}

/** Takes away all that a cluster has declared, as if this were another broker. */
async function empty(url: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const name of ['cluster', 'dead', ...Array(PARTITIONS).keys()])
    await channel.deleteQueue(
      name === 'cluster' || name === 'dead' ? `parlor.${name}` : `parlor.commands.${name}`,
    );
  await connection.close();
}

void t.test('a RabbitMQ that was replaced by an empty one is the cluster’s again', async (t) => {
  const { url, node } = await replaced(t, empty);
  await until(() => node.broker.state().ready, { what: 'the node to be back', timeoutMs: 20_000 });
  t.same(await node.ask(post('42', 'anew')), { type: 'done' });
  t.match(await refusal(t, url, { store: () => OTHER }), STORE.id);
});

void t.test(
  'a node that comes back to the RabbitMQ of another cluster says so and takes no commands',
  async (t) => {
    let other: TestNode | undefined;
    const { url, node } = await replaced(t, async (url) => {
      await empty(url);
      other = await start(t, url, { store: () => OTHER });
    });
    await until(() => node.broker.state().reason?.includes('belongs to'), { what: 'the reason' });
    t.equal(node.broker.state().ready, false);
    const said = (): string[] => node.witness.lines.filter((line) => line.startsWith('error'));
    t.match(said()[0], OTHER.id);
    const [mine, theirs] = [node.ask(post('42', 'lost')), other?.ask(post('42', 'theirs'))];
    t.same(await theirs, { type: 'done' });
    t.match(await mine, { type: 'refused', code: 'unavailable' });
    t.same(node.texts(), []);
    t.equal(said().length, 1, 'it says so once, however often it tries');
    await other?.broker.close();
    await empty(url);
    await until(() => node.broker.state().ready, { what: 'it to be back on its own', timeoutMs: 20_000 });
    t.same(await node.ask(post('42', 'at home')), { type: 'done' });
  },
);
