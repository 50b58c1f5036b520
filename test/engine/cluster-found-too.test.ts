import t from 'tap';
import type { Command } from '../../engine/messages/commands.js';
import { turns } from '../support/clock.js';
import { Cluster, postOf } from './cluster.js';
import { rest } from './cluster/rest.js';

/* What the schedules of cluster.property.test.ts have found, each once more in few steps. */

const POLICY = { capacity: 2, grace_ms: 1_000, post: 'members' } as const;

/** A fault at posts with this text. */
function on(text: string): (command: Command) => void {
  return (command) => {
    if (command.type === 'post' && command.text === text) throw new Error('as asked');
  };
}

t.test(
  'found: two who come at the same time, into a room that has just closed, are told of each other',
  async (t) => {
    for (const deletion of ['manual', 'when_empty'] as const) {
      for (const node of [0, 1, 2]) {
        const cluster = await Cluster.start({ partitions: 1, policy: { ...POLICY, deletion } });
        // All of it reaches the room in one turn.
        cluster.cut(0, 'silent');
        cluster.connect(1, '42', 'dan');
        await turns(10);
        void cluster.request(1, { type: 'kick', room_id: '42', user: 'dan' });
        await turns(10);
        const ann = cluster.connect(node, '42', 'ann');
        const cat = cluster.connect(node, '42', 'cat');
        await turns(10);
        cluster.mend(0);
        await cluster.pass(1_000);
        const both = ['ann', 'cat'];
        t.same([ann.roster, cat.roster], [both, both], `${deletion}, at node ${node}`);
        await rest(cluster, ['42']);
      }
    }
  },
);

t.test(
  'found: the grace of a member whose node is cut off begins when the node is gone, also after a crash',
  async (t) => {
    const cluster = await Cluster.start({
      partitions: 1,
      policy: { ...POLICY, grace_ms: 5_000 },
      engine: { faultAfter: on('bang') },
    });
    const cat = await cluster.join(1, '42', 'cat');
    const ann = await cluster.join(0, '42', 'ann');
    cluster.cut(1);
    await cluster.pass(1_000);
    cluster.post(ann, 'bang');
    await cluster.pass(cluster.timing.leaseMs + 3_000);
    cluster.mend(1);
    await cluster.pass(20_000);
    t.ok(cat.isOpen);
    t.same([ann.all('left'), cat.all('left')], [[], []]);
    await rest(cluster, ['42']);
  },
);

t.test('found: a link blips twice in a second, and the seats are asserted at once', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: POLICY, random: () => 0.99 });
  const ann = await cluster.join(0, '42', 'ann');
  const bob = await cluster.join(1, '42', 'bob');
  cluster.cut(1);
  await cluster.pass(200);
  cluster.node(1).endpoint.delays = { answers: 300 };
  // The assertion arrives, and its answer is lost with the link.
  cluster.mend(1);
  await turns(30);
  cluster.cut(1);
  cluster.node(1).endpoint.delays = {};
  await cluster.pass(200);
  const asserted = cluster.network.carried.get('request assert') ?? 0;
  cluster.mend(1);
  await cluster.settle();
  t.ok((cluster.network.carried.get('request assert') ?? 0) > asserted, 'without waiting for a lost answer');
  await cluster.pass(10_000);
  t.same([ann.all('left'), bob.all('left')], [[], []]);
  await rest(cluster, ['42']);
});

t.test('found: a member leaves in the moment of a crash, and is gone after grace', async (t) => {
  for (const [fault, faultAfter] of [[on('boom'), undefined] as const, [undefined, on('boom')] as const]) {
    const policy = { ...POLICY, post: 'anyone' } as const;
    const cluster = await Cluster.start({ partitions: 1, policy, engine: { fault, faultAfter } });
    const ann = await cluster.join(2, '42', 'ann');
    const bob = await cluster.join(1, '42', 'bob');
    // All of it reaches the room in one turn, and what the other nodes assert since they took node 0 for gone.
    cluster.cut(0, 'silent');
    await cluster.pass(cluster.timing.leaseMs + 500);
    cluster.close(bob);
    await turns(10);
    void cluster.request(1, postOf('42', 'boom'));
    await turns(10);
    cluster.mend(0);
    await cluster.pass(5_000);
    t.same(ann.roster, ['ann'], fault ? 'in a decision' : 'behind it');
    await rest(cluster, ['42']);
  }
});

t.test('found: the last one goes while a rebuilt room asks who is there, and the room goes on', async (t) => {
  for (let gap = 0; gap < 12; gap++) {
    const policy = { ...POLICY, post: 'anyone' } as const;
    const cluster = await Cluster.start({ partitions: 1, policy, engine: { faultAfter: on('bang') } });
    const bob = await cluster.join(0, '42', 'bob');
    void cluster.request(1, postOf('42', 'bang'));
    await turns(gap);
    cluster.close(bob);
    await cluster.pass(1_000);
    t.match(await cluster.send(1, '42', 'hello'), { type: 'posted' }, `gone after ${gap} turns`);
    await rest(cluster, ['42']);
  }
});

t.test('found: what a node asserted before it died keeps no seat', async (t) => {
  for (let gap = 0; gap < 12; gap++) {
    const cluster = await Cluster.start({ partitions: 1, policy: POLICY, random: () => 0.99 });
    const ann = await cluster.join(1, '42', 'ann');
    await cluster.join(2, '42', 'bob');
    cluster.cut(2);
    await cluster.pass(100);
    cluster.network.move(cluster.partitionOf('42'), cluster.node(1).endpoint, 'abrupt');
    cluster.mend(2);
    await turns(gap);
    cluster.kill(2);
    await cluster.pass(20_000);
    t.same(ann.roster, ['ann'], `died after ${gap} turns`);
    t.same(await cluster.members('42'), ['ann']);
    await rest(cluster, ['42']);
  }
});

t.test(
  'found: who lost the seat, and does not know yet, does not have it again because the home moves',
  async (t) => {
    for (let gap = 0; gap < 12; gap++) {
      const cluster = await Cluster.start({ partitions: 1, policy: POLICY });
      const cat = await cluster.join(1, '42', 'cat');
      const bob = await cluster.join(2, '42', 'bob');
      cluster.suspend(1);
      await cluster.pass(10_000);
      const dan = await cluster.join(2, '42', 'dan');
      await cluster.goOn(1);
      await turns(gap);
      cluster.cut(0);
      await cluster.pass(20_000);
      cluster.mend(0);
      await cluster.pass(10_000);
      const what = `the home moved after ${gap} turns`;
      t.same([cat.closedWith, bob.isOpen, dan.isOpen], [4409, true, true], what);
      t.same(
        [bob.roster, dan.roster],
        [
          ['bob', 'dan'],
          ['bob', 'dan'],
        ],
        what,
      );
      await rest(cluster, ['42']);
    }
  },
);
