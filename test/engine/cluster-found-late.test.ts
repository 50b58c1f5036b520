import t from 'tap';
import { turns } from '../support/clock.js';
import { Cluster } from './cluster.js';
import { rest } from './cluster/rest.js';

/* What the schedules of cluster.property.test.ts have found late, each once more in few steps. */

const POLICY = { capacity: 2, grace_ms: 1_000, post: 'members' } as const;

t.test(
  'found: a node is taken for gone while a join of it is being answered, and the seat is kept or given again',
  async (t) => {
    for (const out of [-100, 0, 100, 1_500]) {
      const policy = { ...POLICY, grace_ms: 0 };
      const cluster = await Cluster.start({ partitions: 1, policy, timing: { giveUpMs: 8_000 } });
      // The room waits for node 2 until its lease is over, and node 1 is silent for a little longer.
      cluster.suspend(2);
      const cat = cluster.connect(1, '42', 'cat');
      await cluster.pass(100);
      cluster.cut(1, 'silent');
      await cluster.pass(cluster.timing.leaseMs + out);
      cluster.mend(1);
      await cluster.pass(10_000);
      const what = `silent for ${out} ms more than a lease`;
      if (cat.isOpen) {
        t.same(await cluster.members('42', 0), ['cat'], what);
        t.same(cat.roster, ['cat'], what);
      } else t.not(cat.closedWith, 4409, what);
      await rest(cluster, ['42']);
    }
  },
);

t.test('found: who was kicked and is back is a member for those who come in between', async (t) => {
  // After two turns the first connection has asked for its seat.
  for (let gap = 2; gap < 12; gap++) {
    const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
    // The room waits for node 1, and what that has to say comes with its answer.
    cluster.suspend(1);
    const ann = cluster.connect(0, '42', 'ann');
    const first = cluster.connect(2, '42', 'dan');
    void cluster.request(1, { type: 'kick', room_id: '42', user: 'dan' });
    const dan = cluster.connect(1, '42', 'dan');
    await turns(gap);
    await cluster.goOn(1);
    await cluster.pass(2_000);
    const both = ['ann', 'dan'];
    t.same([ann.roster, dan.roster, first.closedWith], [both, both, 4403], `after ${gap} turns`);
    await rest(cluster, ['42']);
  }
});

t.test('found: a member whose node is cut off is kicked while a new home asks who is there', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
  const cat = await cluster.join(2, '42', 'cat');
  const ann = await cluster.join(0, '42', 'ann');
  cluster.cut(0);
  t.match(await cluster.ask(1, { type: 'kick', room_id: '42', user: 'ann' }), { type: 'done' });
  t.same(cat.roster, ['cat']);
  cluster.mend(0);
  await cluster.pass(1_000);
  t.equal(ann.closedWith, 4403);
  await rest(cluster, ['42']);
});

t.test('found: the answer to a join overtakes what was told before it, and the list is right', async (t) => {
  for (const events of [5, 20, 60]) {
    const policy = { ...POLICY, deletion: 'when_empty' } as const;
    const cluster = await Cluster.start({ partitions: 1, policy, random: () => 0.99 });
    cluster.cut(0, 'silent');
    cluster.connect(1, '42', 'bob');
    await turns(10);
    void cluster.request(1, { type: 'kick', room_id: '42', user: 'bob' });
    await turns(10);
    cluster.node(2).endpoint.delays = { events };
    const cat = cluster.connect(2, '42', 'cat');
    await turns(90);
    cluster.mend(0);
    await cluster.pass(2_000);
    t.same(cat.roster, ['cat'], `events come up to ${events} turns late`);
    await rest(cluster, ['42']);
  }
});

t.test(
  'found: a join is carried out twice, and its node is cut off before it can say that it is there',
  async (t) => {
    const cluster = await Cluster.start({ partitions: 1, policy: { ...POLICY, grace_ms: 5_000 } });
    const bob = cluster.connect(1, '42', 'bob');
    await turns(3);
    cluster.network.move(cluster.partitionOf('42'), cluster.node(2).endpoint, 'abrupt');
    while (bob.all('welcome').length === 0) await turns(1);
    cluster.cut(1);
    await cluster.pass(cluster.timing.leaseMs + 4_000);
    cluster.mend(1);
    await cluster.pass(10_000);
    t.same([bob.isOpen, bob.all('left')], [true, []]);
    await rest(cluster, ['42']);
  },
);

t.test('found: a list that is delivered twice takes nobody away who came after it', async (t) => {
  for (let gap = 0; gap < 24; gap++) {
    const cluster = await Cluster.start({ partitions: 1, policy: POLICY, random: () => 0.99 });
    // What is published is safe with the broker only after a while, so that it is all delivered again.
    cluster.node(1).endpoint.delays = { confirms: 50 };
    const cat = await cluster.join(2, '42', 'cat');
    cluster.cut(2);
    cluster.network.move(cluster.partitionOf('42'), cluster.node(1).endpoint, 'abrupt');
    await cluster.pass(100);
    // Its node asserts that cat is there, and asks for a seat for ann: both wait until the new home knows its members.
    cluster.mend(2);
    await turns(3);
    const ann = cluster.connect(2, '42', 'ann');
    await turns(5);
    // It asks node 2 again.
    cluster.clock.jump(1_000);
    await turns(gap);
    cluster.network.move(cluster.partitionOf('42'), cluster.node(2).endpoint, 'abrupt');
    await cluster.pass(20_000);
    t.same([cat.all('left'), ann.all('left')], [[], []], `moved after ${gap} turns`);
    t.same(await cluster.members('42'), ['ann', 'cat']);
    await rest(cluster, ['42']);
  }
});

t.test('found: a join arrives twice, and is refused the first time: nobody gets a seat', async (t) => {
  const policy = { ...POLICY, grace_ms: 0 };
  const cluster = await Cluster.start({ partitions: 1, policy, random: () => 0.99 });
  const ann = await cluster.join(0, '42', 'ann');
  await cluster.join(0, '42', 'bob');
  cluster.node(0).endpoint.delays = { commands: 100 };
  cluster.node(1).endpoint.delays = { requests: 20 };
  const cat = cluster.connect(1, '42', 'cat');
  await turns(6);
  // The join has arrived, and the link is lost before that is confirmed, so it is sent again: behind a leave.
  cluster.cut(1);
  cluster.close(ann);
  await turns(6);
  cluster.mend(1);
  await cluster.pass(10_000);
  t.equal(cat.closedWith, 4409);
  t.same(await cluster.members('42'), ['bob']);
  await rest(cluster, ['42']);
});

t.test('found: a link that blips does not lose a seat to somebody who has lost theirs', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
  const dan = await cluster.join(0, '42', 'dan');
  const ann = await cluster.join(1, '42', 'ann');
  cluster.cut(0);
  await cluster.pass(10_000);
  const bob = await cluster.join(1, '42', 'bob');
  // Two things at once: dan's node is back, and the home moves since its link blips.
  cluster.cut(1);
  cluster.mend(0);
  cluster.mend(1);
  await cluster.pass(20_000);
  t.same([dan.closedWith, ann.isOpen, bob.isOpen], [4409, true, true]);
  t.same(await cluster.members('42'), ['ann', 'bob']);
  await rest(cluster, ['42']);
});

t.test(
  'found: an old home’s closing of an empty room is stored after somebody has joined with the new one',
  async (t) => {
    const policy = { ...POLICY, grace_ms: 0, deletion: 'when_empty' } as const;
    const cluster = await Cluster.start({ partitions: 1, policy, random: () => 0.99 });
    const ann = await cluster.join(0, '42', 'ann');
    cluster.node(0).gate.delay = 2_000;
    cluster.close(ann);
    await turns(10);
    cluster.network.move(cluster.partitionOf('42'), cluster.node(1).endpoint, 'abrupt');
    const cat = cluster.connect(2, '42', 'cat');
    await turns(200);
    t.same(cat.roster, ['cat']);
    t.equal((await cluster.store.load('42'))?.status, 'open');
    await turns(4_000);
    t.equal((await cluster.store.load('42'))?.status, 'empty', 'the old home has closed it meanwhile');
    await cluster.pass(20_000);
    t.equal((await cluster.store.load('42'))?.status, 'open');
    t.ok(cat.isOpen);
    t.same(await cluster.members('42'), ['cat']);
    await rest(cluster, ['42']);
  },
);
