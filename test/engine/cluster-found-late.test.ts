import t from 'tap';
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
