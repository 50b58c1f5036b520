import t from 'tap';
import { Cluster } from './cluster.js';
import { rest } from './cluster/rest.js';
import { turns } from '../support/clock.js';

/* What the schedules of cluster.property.test.ts have found, each once more in few steps. */

const POLICY = { capacity: 2, grace_ms: 1_000, post: 'members' } as const;

t.test('found: the home moves while a join is being answered, and the seat is kept', async (t) => {
  for (let gap = 0; gap < 16; gap++) {
    for (const grace_ms of [0, 1_000]) {
      const cluster = await Cluster.start({ partitions: 1, policy: { ...POLICY, grace_ms } });
      const alice = await cluster.join(1, '42', 'alice');
      const bob = cluster.connect(2, '42', 'bob');
      await turns(gap);
      cluster.network.move(cluster.partitionOf('42'), cluster.node(2).endpoint, 'abrupt');
      await turns(4);
      cluster.clock.jump(5);
      await cluster.pass(20_000);
      const what = `moved after ${gap} turns, ${grace_ms} ms of grace`;
      t.same([alice.all('left'), bob.all('left')], [[], []], what);
      t.same(await cluster.members('42'), ['alice', 'bob'], what);
      t.same(
        [alice.roster, bob.roster],
        [
          ['alice', 'bob'],
          ['alice', 'bob'],
        ],
        what,
      );
      await rest(cluster, ['42']);
    }
  }
});

t.test(
  'found: who comes while lists and names are on their way is told of everybody, and of nobody else',
  async (t) => {
    for (let gap = 0; gap < 16; gap++) {
      const cluster = await Cluster.start({ partitions: 1, policy: { ...POLICY, capacity: null } });
      await cluster.join(1, '42', 'alice');
      const dan = await cluster.join(2, '42', 'dan');
      cluster.network.move(cluster.partitionOf('42'), cluster.node(1).endpoint, 'drain');
      await turns(gap);
      const bob = cluster.connect(2, '42', 'bob');
      void cluster.request(0, { type: 'kick', room_id: '42', user: 'dan' });
      const again = cluster.connect(1, '42', 'alice');
      await cluster.pass(10_000);
      t.equal(dan.closedWith, 4403);
      t.same(
        [bob.roster, again.roster],
        [
          ['alice', 'bob'],
          ['alice', 'bob'],
        ],
        `after ${gap} turns`,
      );
      await rest(cluster, ['42']);
    }
  },
);

t.test(
  'found: the first commit of a room fails, and who comes then is in a room that is stored',
  async (t) => {
    for (let gap = 0; gap < 12; gap++) {
      const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
      const first = cluster.connect(2, '42', 'dan');
      await turns(gap);
      cluster.node(0).gate.fault = 'away';
      await turns(10);
      cluster.close(first);
      const dan = cluster.connect(2, '42', 'dan');
      await turns(8);
      cluster.node(0).gate.fault = 'none';
      await cluster.pass(20_000);
      t.ok(dan.isOpen);
      t.same(await cluster.members('42'), ['dan'], `gone after ${gap} turns`);
      t.match(await cluster.store.load('42'), { status: 'open' });
      await rest(cluster, ['42']);
    }
  },
);

t.test(
  'found: a kick that was stored, though nobody was told so, is carried out by the next home',
  async (t) => {
    const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
    await cluster.send(0, '42', 'one');
    await cluster.join(1, '42', 'alice');
    const bob = await cluster.join(1, '42', 'bob');
    cluster.node(0).gate.fault = 'mute';
    void cluster.request(2, { type: 'kick', room_id: '42', user: 'bob' });
    await cluster.pass(1_000);
    await cluster.move('42', 2, 'abrupt');
    await cluster.pass(5_000);
    t.equal(bob.closedWith, 4403, 'without anybody asking the room for anything');
    cluster.node(0).gate.fault = 'none';
    await rest(cluster, ['42']);
  },
);

t.test(
  'found: the last member is kicked, or leaves, while a new home asks who is there: the room closes',
  async (t) => {
    for (const how of ['kick', 'leave']) {
      const policy = { ...POLICY, deletion: 'when_empty' } as const;
      const cluster = await Cluster.start({ partitions: 1, policy });
      const bob = await cluster.join(1, '42', 'bob');
      cluster.kill(0);
      if (how === 'kick') void cluster.request(1, { type: 'kick', room_id: '42', user: 'bob' });
      else cluster.close(bob);
      await cluster.pass(20_000);
      t.match(await cluster.store.load('42'), { status: 'empty' }, how);
      await rest(cluster, ['42']);
    }
  },
);

t.test('found: what an old home told is not told again behind the list of a new one', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY, random: () => 0.99 });
  cluster.node(1).endpoint.delays = { answers: 300 };
  // The join is carried out, and told of; then its home dies with the answer.
  const cat = cluster.connect(1, '42', 'cat');
  await turns(50);
  cluster.kill(0);
  cluster.node(1).endpoint.delays = {};
  const bob = cluster.connect(1, '42', 'bob');
  cluster.close(cat);
  await cluster.pass(20_000);
  t.same(bob.roster, ['bob']);
  await rest(cluster, ['42']);
});
