import t from 'tap';
import { Cluster } from './cluster.js';
import { rest } from './cluster/rest.js';

const POLICY = { capacity: 2, grace_ms: 1_000, idle_ms: 10_000, post: 'members' } as const;

t.test("M4: a dead node's seats are free after grace", async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
  const alice = await cluster.join(0, '42', 'alice');
  await cluster.join(1, '42', 'bob');
  cluster.kill(1);
  await cluster.pass(cluster.timing.leaseMs + 900);
  const early = cluster.connect(0, '42', 'carl');
  await cluster.settle();
  t.equal(early.closedWith, 4409, 'the seat is kept for grace');
  await cluster.pass(101);
  t.same(
    alice.all('left').map(({ user }) => user),
    ['bob'],
  );
  await cluster.join(2, '42', 'carl');
  t.same(alice.roster, ['alice', 'carl']);
  await rest(cluster, ['42']);
});

t.test('M4: who comes back at another node, and leaves, is gone; and then the room sleeps', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
  const alice = await cluster.join(0, '42', 'alice');
  await cluster.join(1, '42', 'bob');
  cluster.kill(1);
  const bob = await cluster.join(0, '42', 'bob');
  await cluster.pass(20_000);
  t.same(alice.all('left'), [], 'he was back in time');
  cluster.close(bob);
  await cluster.pass(1_000);
  t.same(await cluster.members('42'), ['alice']);
  cluster.close(alice);
  await cluster.pass(20_000);
  t.equal(cluster.rooms, 0);
  await rest(cluster, ['42']);
});

t.test('M4: both nodes of a room die, and whoever comes next finds it empty', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { ...POLICY, deletion: 'when_empty' } });
  await cluster.join(0, '42', 'alice');
  await cluster.join(1, '42', 'bob');
  cluster.kill(0);
  cluster.kill(1);
  await cluster.pass(10_000);
  t.same((await cluster.join(2, '42', 'carl')).roster, ['carl']);
  await rest(cluster, ['42']);
});

t.test(
  'M4: a node that was suspended for longer than its lease has lost its seats, and its clients are told',
  async (t) => {
    const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
    const alice = await cluster.join(0, '42', 'alice');
    const bob = await cluster.join(1, '42', 'bob');
    cluster.suspend(1);
    await cluster.pass(10_000);
    t.same(alice.roster, ['alice']);
    const carl = await cluster.join(2, '42', 'carl');
    await cluster.goOn(1);
    await cluster.pass(5_000);
    t.equal(bob.closedWith, 4409);
    t.ok(carl.isOpen);
    t.same(alice.roster, ['alice', 'carl']);
    await rest(cluster, ['42']);
  },
);

t.test('M4: a node that was taken for gone, and whose seats nobody took, has them again', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
  const alice = await cluster.join(0, '42', 'alice');
  const bob = await cluster.join(1, '42', 'bob');
  cluster.cut(1, 'silent');
  await cluster.pass(cluster.timing.leaseMs + 500);
  cluster.mend(1);
  await cluster.pass(10_000);
  t.same([alice.all('left'), bob.isOpen], [[], true], 'it was back within grace');
  cluster.cut(1);
  await cluster.pass(20_000);
  t.same(alice.roster, ['alice']);
  cluster.mend(1);
  await cluster.pass(10_000);
  t.same([alice.roster, bob.roster, bob.isOpen], [['alice', 'bob'], ['alice', 'bob'], true]);
  await rest(cluster, ['42']);
});

t.test('M4: a join that arrives after its node has died does not keep a seat', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
  await cluster.join(0, '42', 'alice');
  cluster.cut(0, 'silent');
  cluster.connect(1, '42', 'ghost');
  await cluster.settle();
  cluster.kill(1);
  await cluster.pass(1_000);
  cluster.mend(0);
  await cluster.pass(20_000);
  t.same(await cluster.members('42'), ['alice']);
  await rest(cluster, ['42']);
});
