import t from 'tap';
import type { Command } from '../../engine/messages/commands.js';
import { turns } from '../support/clock.js';
import { startNode, TIMERS_AT_REST } from '../support/engine.js';
import { Cluster } from './cluster.js';
import { rest } from './cluster/rest.js';

function onBoom(command: Command): void {
  if (command.type === 'post' && command.text === 'boom') throw new Error('as asked');
}

const TEN_MINUTES = 600_000;

t.test('A1.1: whoever goes away while a crashed room asks who is there leaves no seat behind', async (t) => {
  for (let gap = 0; gap < 14; gap++) {
    const node = await startNode(t, { fault: onBoom, policy: { capacity: 2, grace_ms: 1_000 } });
    await node.join('42', 'alice');
    const bob = await node.join('42', 'bob');
    void node.post('42', 'boom');
    await turns(gap);
    bob.close();
    await node.clock.pass(TEN_MINUTES);
    const room = await node.request({ type: 'describe', room_id: '42' });
    t.match(room, { room: { members: ['alice'], member_count: 1 } }, `gone after ${gap} turns`);
  }
});

t.test('A1.1: the same over nodes, whatever is on its way', async (t) => {
  for (let gap = 0; gap < 24; gap++) {
    const policy = { capacity: 2, grace_ms: 1_000 } as const;
    const cluster = await Cluster.start({ partitions: 1, policy, engine: { fault: onBoom } });
    await cluster.join(0, '42', 'alice');
    const bob = await cluster.join(1, '42', 'bob');
    void cluster.request(0, {
      type: 'post',
      room_id: '42',
      id: bob.all('welcome')[0]?.connection_id ?? '',
      user: null,
      text: 'boom',
    });
    await turns(gap);
    cluster.close(bob);
    await cluster.pass(60_000);
    t.same(await cluster.members('42'), ['alice'], `gone after ${gap} turns`);
    await rest(cluster, ['42']);
  }
});

t.test(
  'A1.1: whoever goes away while being let in leaves no seat behind, here or at another node',
  async (t) => {
    for (let gap = 0; gap < 30; gap++) {
      const cluster = await Cluster.start({ partitions: 1, policy: { capacity: 2, grace_ms: 1_000 } });
      await cluster.join(1, '42', 'alice');
      const bob = cluster.connect(1, '42', 'bob');
      await turns(gap);
      cluster.close(bob);
      await cluster.pass(60_000);
      t.same(await cluster.members('42'), ['alice'], `gone after ${gap} turns`);
      await rest(cluster, ['42']);
    }
  },
);

t.test('A1.1: who is kicked while the node is cut off has no seat after the next roll call', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { capacity: 3 }, engine: { fault: onBoom } });
  const alice = await cluster.join(0, '42', 'alice');
  const eve = await cluster.join(1, '42', 'eve');
  await cluster.join(1, '42', 'bob');
  cluster.cut(1);
  await cluster.ask(0, { type: 'kick', room_id: '42', user: 'eve' });
  await cluster.send(0, '42', 'boom');
  cluster.mend(1);
  await cluster.pass(60_000);
  t.equal(eve.closedWith, 4403);
  t.same(alice.roster, ['alice', 'bob']);
  t.same(await cluster.members('42'), ['alice', 'bob']);
  await rest(cluster, ['42']);
});

t.test('A1.2: a thousand refused joins at a full node leave nothing behind', async (t) => {
  const sent = { leaves: 0 };
  const node = await startNode(t, {
    maxRooms: 1,
    broker: (inner) => ({
      ...inner,
      request(command, onAnswer) {
        if (command.type === 'leave' || command.type === 'assert') sent.leaves++;
        inner.request(command, onAnswer);
      },
    }),
  });
  const alice = await node.join('busy', 'alice');
  await node.clock.pass(100);
  const before = node.clock.pending;
  for (let round = 0; round < 5; round++) {
    const refused = Array.from({ length: 200 }, (_, i) => node.connect(`room-${round}-${i}`, 'bob'));
    await node.quiet();
    t.ok(refused.every(({ closedWith }) => closedWith === 4503));
    await node.clock.pass(1_000);
  }
  t.ok(node.clock.pending <= before + 2, `${node.clock.pending} timers, and ${before} before`);
  const leaves = sent.leaves;
  await node.clock.pass(10_000);
  t.ok(sent.leaves - leaves <= 10, `${sent.leaves - leaves} commands in ten seconds of silence`);
  t.ok(alice.isOpen);
});

t.test('A1.2: a thousand joins refused while the store was away leave nothing behind', async (t) => {
  const store = { away: false };
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      state: () => ({ kind: 'memory', ready: !store.away, reason: store.away ? 'away' : null }),
    }),
  });
  store.away = true;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 200; i++) node.connect(`room-${round}-${i}`, 'bob');
    await node.clock.pass(1_000);
  }
  t.ok(node.clock.pending <= TIMERS_AT_REST + 2, `${node.clock.pending} timers`);
  store.away = false;
  await node.clock.pass(120_000);
  t.equal(node.clock.pending, TIMERS_AT_REST);
  t.match(node.engine.stats(), { seats: 0, rooms: 0, connections: 0 });
});
