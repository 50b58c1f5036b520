import t from 'tap';
import { Cluster } from './cluster.js';
import { rest } from './cluster/rest.js';

t.test(
  'M5: a link that blips: what was missed is there when it stands again, without waiting for anything',
  async (t) => {
    const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null, grace_ms: 0 } });
    const old = await cluster.join(0, '42', 'old');
    const bob = await cluster.join(1, '42', 'bob');
    const eve = await cluster.join(1, '42', 'eve');
    cluster.cut(1);
    await cluster.pass(500);
    t.match(await cluster.send(0, '42', 'are you there?'), { type: 'posted' });
    t.match(await cluster.ask(0, { type: 'kick', room_id: '42', user: 'eve' }), { type: 'done' });
    cluster.close(old);
    await cluster.pass(1_500);
    cluster.mend(1);
    await cluster.settle();
    t.same(bob.texts, ['are you there?']);
    t.equal(eve.closedWith, 4403, 'who was kicked is not connected');
    await cluster.pass(2_000);
    t.same(bob.roster, ['bob']);
    t.same(await cluster.members('42'), ['bob']);
    await rest(cluster, ['42']);
  },
);

t.test('M5b: who was kicked while the node was cut off gets no seat again', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null, grace_ms: 0 } });
  const alice = await cluster.join(0, '42', 'alice');
  const eve = await cluster.join(1, '42', 'eve');
  await cluster.join(1, '42', 'bob');
  cluster.cut(1);
  await cluster.ask(0, { type: 'kick', room_id: '42', user: 'eve' });
  await cluster.pass(1_000);
  cluster.mend(1);
  await cluster.join(2, '42', 'flo');
  await cluster.pass(10_000);
  t.equal(eve.closedWith, 4403);
  t.same(await cluster.members('42'), ['alice', 'bob', 'flo']);
  t.same(
    alice.all('joined').map(({ user }) => user),
    ['eve', 'bob', 'flo'],
  );
  await rest(cluster, ['42']);
});

t.test('M5c: whatever is lost just after a join from another node, the seat is kept', async (t) => {
  const cluster = await Cluster.start({
    partitions: 1,
    policy: { capacity: 2, post: 'members', grace_ms: 1_000 },
  });
  const alice = await cluster.join(0, '42', 'alice');
  cluster.node(1).endpoint.delays = { events: 50, words: 50 };
  const bob = cluster.connect(1, '42', 'bob');
  while (bob.all('welcome').length === 0) await cluster.turns(1);
  cluster.cut(1);
  await cluster.pass(1_500);
  cluster.mend(1);
  await cluster.pass(10_000);
  t.same(alice.all('left'), []);
  cluster.post(bob, 'I am here');
  await cluster.settle();
  t.same(alice.texts, ['I am here']);
  const carl = cluster.connect(0, '42', 'carl');
  await cluster.settle();
  t.equal(carl.closedWith, 4409);
  await rest(cluster, ['42']);
});

t.test('A1.11: the last event before a silence is lost in an overflow, and comes all the same', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null } });
  const bob = await cluster.join(1, '42', 'bob');
  cluster.node(1).endpoint.delays = { events: 50 };
  cluster.node(1).endpoint.overflow();
  await cluster.send(0, '42', 'the last for hours');
  await cluster.pass(2_000);
  t.same(bob.texts, ['the last for hours']);
  await rest(cluster, ['42']);
});

t.test(
  'M5: a room was closed while the node was cut off: its clients are told so, not that it is full',
  async (t) => {
    const cluster = await Cluster.start({ partitions: 1, policy: { capacity: 2 } });
    const bob = await cluster.join(1, '42', 'bob');
    cluster.cut(1);
    await cluster.ask(0, { type: 'close', room_id: '42', purge: false });
    await cluster.pass(1_000);
    cluster.mend(1);
    await cluster.pass(2_000);
    t.equal(bob.closedWith, 4410);
    await rest(cluster, ['42']);
  },
);

t.test(
  'M5: a post that was sent while the link was cut is carried out once, or its client is told',
  async (t) => {
    for (const ms of [500, 4_000, 9_000]) {
      const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null } });
      const alice = await cluster.join(0, '42', 'alice');
      const bob = await cluster.join(1, '42', 'bob');
      cluster.cut(1);
      cluster.post(bob, 'later');
      await cluster.pass(ms);
      cluster.mend(1);
      await cluster.pass(10_000);
      const told = bob.all('ack').length + bob.errors.length + bob.all('queued').length;
      t.equal(told, 1, `after ${ms} ms`);
      t.equal(alice.texts.length, bob.errors.length === 0 ? 1 : 0);
      await rest(cluster, ['42']);
    }
  },
);
