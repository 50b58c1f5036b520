import t from 'tap';
import { newId } from '../../engine/ids.js';
import { turns } from '../support/clock.js';
import { startNode, type Client } from '../support/engine.js';
import { Cluster } from './cluster.js';

const GRACE_MS = 8_000;

function told(clients: readonly Client[]): number {
  return clients.filter(({ closedWith }) => closedWith === 1012).length;
}

/** What a client was told about coming back, ms; -1: nothing. */
function waitOf(client: Client): number {
  const [error] = client.all('error').slice(-1);
  return error?.retry_after_ms ?? -1;
}

t.test('clients are told to come back some at a time, and not all in the same moment', async (t) => {
  const node = await startNode(t, { policy: { grace_ms: GRACE_MS } });
  const clients = await Promise.all(Array.from({ length: 200 }, (_, i) => node.join('42', `user-${i}`)));
  const stopping = node.engine.stop(8_000);
  await turns(5);
  const first = told(clients);
  t.ok(first > 0 && first < 50, `${first} of 200 are told at once`);
  await node.clock.pass(60);
  const more = told(clients);
  t.ok(more > first && more < 150, `${more} a moment later`);
  await node.clock.pass(1_000);
  t.equal(told(clients), 200);
  await stopping;
  for (const client of clients) t.match(client.frames.at(-1), { type: 'error', code: 'unavailable' });
  const waits = clients.map(waitOf);
  t.ok(
    waits.every((ms) => Number.isInteger(ms) && ms >= 0 && ms <= GRACE_MS / 2 + 200),
    'early enough to find their seats',
  );
  t.ok(new Set(waits).size > 100, `${new Set(waits).size} different moments to come back at`);
});

t.test(
  'there is less time to tell many of them than that takes at leisure: all are told in time',
  async (t) => {
    const node = await startNode(t);
    const clients = await Promise.all(Array.from({ length: 300 }, (_, i) => node.join('42', `user-${i}`)));
    const stopping = node.engine.stop(100);
    await node.clock.pass(75);
    t.equal(told(clients), 300);
    await node.clock.pass(25);
    await stopping;
  },
);

t.test('a client is told when its posts are answered, and what it sends after that is refused', async (t) => {
  const disk = { wait: Promise.resolve(), goOn: (): void => undefined };
  const node = await startNode(t, {
    store: (inner) => ({ ...inner, append: (appends) => disk.wait.then(() => inner.append(appends)) }),
  });
  const alice = await node.join('42', 'alice');
  disk.wait = new Promise((goOn) => (disk.goOn = goOn));
  alice.post('before', newId());
  await turns(10);
  const stopping = node.engine.stop(8_000);
  await node.clock.pass(100);
  t.ok(alice.isOpen, 'a post of hers is not answered');
  const late = newId();
  alice.post('too late', late);
  await turns(5);
  t.match(alice.all('error'), [{ code: 'unavailable', id: late }]);
  disk.goOn();
  await node.clock.pass(100);
  t.same(
    alice.frames.map(({ type }) => type).filter((type) => type === 'ack' || type === 'error'),
    ['error', 'ack', 'error'],
  );
  t.equal(alice.closedWith, 1012);
  t.ok(waitOf(alice) >= 0);
  await node.clock.pass(8_000);
  await stopping;
  t.equal((await node.store.load('42'))?.head_seq, 1);
});

t.test('a store that hangs keeps no client from being told', async (t) => {
  const disk = { hangs: false };
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      append: (appends) => (disk.hangs ? new Promise(() => undefined) : inner.append(appends)),
    }),
  });
  const alice = await node.join('42', 'alice');
  disk.hangs = true;
  alice.post('into the void', newId());
  await turns(10);
  const stopping = node.engine.stop(1_000);
  await node.clock.pass(800);
  t.equal(alice.closedWith, 1012);
  await node.clock.pass(200);
  await stopping;
});

t.test('a node says that it goes down before it does anything, and meanwhile all goes on', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  node.engine.announceStop();
  t.match(node.engine.unready(), /going down/);
  const bob = await node.join('42', 'bob');
  alice.post('still here');
  await node.quiet();
  t.same(bob.texts, ['still here']);
  t.ok(alice.isOpen);
});

t.test('a node that comes up to its end tells a new connection when to come back', async (t) => {
  const node = await startNode(t);
  const stopping = node.engine.stop(1_000);
  const late = node.connect('42', 'late');
  t.equal(late.closedWith, 4503);
  t.ok(waitOf(late) >= 0);
  await node.clock.pass(1_000);
  await stopping;
});

t.test(
  'the home of a room is stopped: its clients post until they are told, and keep their seats',
  async (t) => {
    const cluster = await Cluster.start({ policy: { capacity: 2, grace_ms: 3_000 } });
    await cluster.move('42', 0);
    const alice = await cluster.join(0, '42', 'alice');
    const bob = await cluster.join(1, '42', 'bob');
    // More than are told in the first step.
    for (let i = 0; i < 60; i++) await cluster.join(0, `crowd-${i}`, 'somebody');
    const { engine } = cluster.node(0);
    let isOver = false;
    void engine.stop(8_000).then(() => (isOver = true));
    await cluster.settle();
    t.not(cluster.homeOf('42'), 0, 'the room has another home at once');
    t.ok(engine.stats().connections > 0, 'and clients are still connected');
    cluster.post(bob, 'from elsewhere');
    await cluster.settle();
    for (let ms = 0; ms < 8_000 && !isOver; ms += 10) await cluster.pass(10);
    t.ok(isOver);
    t.equal(alice.closedWith, 1012);
    t.equal(bob.all('ack').length, 1);
    t.same(bob.texts, ['from elsewhere']);
    cluster.kill(0);
    const again = await cluster.join(2, '42', 'alice', 0);
    t.same(again.texts, ['from elsewhere']);
    await cluster.pass(20_000);
    t.same(await cluster.members('42', 1), ['alice', 'bob']);
    t.same(bob.all('left'), [], 'nobody saw her go');
    const gone = await cluster.members('crowd-0', 1);
    t.same(gone, [], 'those who did not come back have given their seats back');
    cluster.check();
  },
);

t.test('a client of a node that hands its rooms over posts into them over the others', async (t) => {
  const cluster = await Cluster.start({ policy: { capacity: null } });
  await cluster.move('crowd', 0);
  const crowd = [];
  for (let i = 0; i < 200; i++) crowd.push(await cluster.join(0, 'crowd', `user-${i}`));
  void cluster.node(0).engine.stop(8_000);
  await cluster.settle();
  t.not(cluster.homeOf('crowd'), 0);
  const last = crowd.at(-1);
  t.ok(last?.isOpen);
  if (last) cluster.post(last, 'not told yet');
  await cluster.settle();
  t.equal(last?.all('ack').length, 1, 'it is answered');
  await cluster.pass(8_000);
  t.equal(last?.closedWith, 1012);
  cluster.kill(0);
  cluster.check();
});
