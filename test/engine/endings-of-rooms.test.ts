import t from 'tap';
import type { Policy } from '../../engine/messages/policy.js';
import type { Store } from '../../engine/ports.js';
import { BARE } from '../../engine/room/presets.js';
import { startNode, type Node } from '../support/engine.js';
import { Cluster } from './cluster.js';
import { rest } from './cluster/rest.js';

/** A store that can be out of reach. */
function breakable(): { away: boolean; wrap: (inner: Store) => Store } {
  const it = {
    away: false,
    wrap: (inner: Store): Store => ({
      ...inner,
      append: (appends) => (it.away ? Promise.reject(new Error('away')) : inner.append(appends)),
      load: (id) => (it.away ? Promise.reject(new Error('away')) : inner.load(id)),
    }),
  };
  return it;
}

/** The commit fails, the room cannot be loaded again, and so it is ended. */
async function endRoom(node: Node, store: { away: boolean }): Promise<void> {
  store.away = true;
  await node.post('42', 'lost');
  await node.quiet();
  store.away = false;
}

t.test('A1.3: a room is ended, and who goes meanwhile leaves when the time of grace is over', async (t) => {
  const store = breakable();
  const node = await startNode(t, { store: store.wrap, policy: { grace_ms: 2_000 } });
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  const carl = await node.join('42', 'carl');
  carl.close();
  await node.clock.pass(500);
  await endRoom(node, store);
  bob.close();
  await node.clock.pass(1_000);
  await node.post('42', 'awake');
  await node.clock.pass(20_000);
  await node.quiet();
  t.same(alice.roster, ['alice']);
  t.same(alice.texts, ['awake']);
});

t.test('A1.3: a room that was ended closes when the last one has left, if its policy says so', async (t) => {
  const store = breakable();
  const node = await startNode(t, { store: store.wrap, policy: { deletion: 'when_empty', grace_ms: 1_000 } });
  const alice = await node.join('42', 'alice');
  await node.post('42', 'one');
  await endRoom(node, store);
  alice.close();
  await node.clock.pass(600_000);
  t.match(await node.store.load('42'), { status: 'empty' });
  t.match(node.engine.stats(), { rooms: 0, seats: 0 });
});

t.test(
  'A1.3: after a restart, a room that somebody comes to and leaves closes, if its policy says so',
  async (t) => {
    const cluster = await Cluster.start({ nodes: 1, policy: { deletion: 'when_empty', grace_ms: 1_000 } });
    await cluster.join(0, '42', 'alice');
    await cluster.send(0, '42', 'one');
    await cluster.restart(0);
    await cluster.pass(10_000);
    await cluster.members('42');
    await cluster.pass(120_000);
    t.match(await cluster.store.load('42'), { status: 'empty' }, 'whoever was in it is gone');
    await rest(cluster, ['42']);
  },
);

t.test('A1.6: rooms in which nobody is make way for those that somebody wants to be in', async (t) => {
  const node = await startNode(t, { maxRooms: 100 });
  for (let i = 0; i < 100; i++) t.match(await node.post(`room-${i}`, 'hello'), { type: 'posted' });
  const alice = node.connect('42', 'alice');
  await node.quiet();
  t.equal(alice.all('welcome').length, 1);
  t.equal(node.engine.stats().rooms, 100);
  for (let i = 0; i < 200; i++) t.match(await node.post(`more-${i}`, 'hello'), { type: 'posted' });
  t.equal(node.engine.stats().seats, 1, 'a room with a seat is never forgotten');
});

t.test(
  'A1.7: a policy that was stored by an older version stops neither its room nor those behind it',
  async (t) => {
    const node = await startNode(t, { policy: { retention: { max_messages: 1 } } });
    const { retention: _, ...older } = { ...BARE, capacity: 7 };
    const record = {
      room_id: 'a',
      head_seq: 0,
      status: 'open',
      policy: older as Policy,
      created_at: '2025-01-01T00:00:00Z',
    } as const;
    t.ok(await node.store.restore(record));
    for (const text of ['one', 'two', 'three']) await node.post('b', text);
    await node.clock.pass(61_000);
    const kept = await node.store.history({ room_id: 'b', limit: 10, messages_only: true });
    t.equal(kept.length, 1, 'the room behind it is retained');
    t.match(await node.request({ type: 'open', room_id: 'a', policy: { capacity: 8 } }), {
      type: 'opened',
      room: { policy: { capacity: 8, retention: { max_messages: 1 } } },
    });
    t.same([node.counts.get('crashed room'), node.counts.get('crashed retention')], [undefined, undefined]);
  },
);

t.test('A1.8: a post into a room that closed itself is judged by the policy that holds then', async (t) => {
  for (const [own, preset, expected] of [
    ['members', 'anyone', { type: 'posted' }],
    ['anyone', 'members', { type: 'refused', code: 'forbidden' }],
  ] as const) {
    const node = await startNode(t, { policy: { deletion: 'when_empty', grace_ms: 0, post: preset } });
    await node.request({ type: 'open', room_id: '42', policy: { post: own } });
    (await node.join('42', 'alice')).close();
    await node.clock.pass(100);
    await node.quiet();
    t.match(await node.store.load('42'), { status: 'empty' });
    t.match(await node.request({ type: 'describe', room_id: '42' }), { room: { policy: { post: preset } } });
    t.match(await node.post('42', 'hello'), expected, `it was ${own}, and is ${preset}`);
  }
});

t.test(
  'A1.9: in a room that was too large to name its members, they are right when it is small again',
  async (t) => {
    const node = await startNode(t, { presenceLimit: 3, policy: { grace_ms: 0 } });
    const clients = [];
    for (const user of ['a', 'b', 'c', 'd', 'e']) clients.push(await node.join('42', user));
    clients[1]?.close();
    clients[4]?.close();
    await node.clock.pass(2_000);
    await node.quiet();
    const room = await node.request({ type: 'describe', room_id: '42' });
    t.match(room, { room: { member_count: 3 } });
    for (const at of [0, 2, 3]) t.same(clients[at]?.roster, ['a', 'c', 'd']);
  },
);
