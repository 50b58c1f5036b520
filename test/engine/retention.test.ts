import t from 'tap';
import type { RoomRecord } from '../../engine/ports.js';
import { boundsOf } from '../../engine/retention.js';
import { BARE } from '../../engine/room/presets.js';
import { startNode, type Node } from '../support/engine.js';

async function write(node: Node, room: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) void node.post(room, `${i}`);
  await node.quiet();
}

async function seqs(node: Node, room: string): Promise<number[]> {
  const events = await node.store.history({ room_id: room, after: 0, limit: 10_000, messages_only: false });
  return events.map(({ seq }) => seq);
}

function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

/** A round of retention: a pause, then all of its steps. */
async function round(node: Node, ms = 60_000): Promise<void> {
  await node.clock.pass(ms);
  await node.quiet();
}

t.test('a policy says what is kept', (t) => {
  t.equal(boundsOf(BARE, 5_000), null);
  t.same(boundsOf({ ...BARE, retention: { max_messages: 3 } }, 5_000), { max_messages: 3, not_before: null });
  t.same(boundsOf({ ...BARE, retention: { max_age_s: 2 } }, 5_000), {
    max_messages: null,
    not_before: 3_000,
  });
  t.end();
});

t.test('each room keeps what its own policy says, or its preset; seq goes on', async (t) => {
  const node = await startNode(t, { policy: { retention: { max_messages: 10 } } });
  await node.request({ type: 'open', room_id: 'all', policy: { retention: null } });
  await node.request({ type: 'open', room_id: 'three', policy: { retention: { max_messages: 3 } } });
  for (const room of ['all', 'three', 'preset']) await write(node, room, 30);
  t.same(await seqs(node, 'preset'), upTo(0, 30), 'until its time has come');
  await round(node);
  t.same(await seqs(node, 'all'), upTo(0, 31));
  t.same(await seqs(node, 'three'), upTo(28, 31));
  t.same(await seqs(node, 'preset'), upTo(20, 30));
  t.match(await node.post('three', 'on'), { type: 'posted', message: { seq: 32 } });
});

t.test('what has become too old is forgotten also in rooms that are asleep', async (t) => {
  const node = await startNode(t, { policy: { idle_ms: 10, retention: { max_age_s: 100 } } });
  await write(node, '42', 5);
  await node.clock.pass(1_000);
  t.equal(node.engine.stats().rooms, 0);
  await round(node);
  t.equal((await seqs(node, '42')).length, 5);
  await round(node);
  t.same(await seqs(node, '42'), []);
  t.match(await node.post('42', 'on'), { type: 'posted', message: { seq: 6 } });
});

t.test('many rooms and long histories are dealt with in one round', async (t) => {
  const node = await startNode(t, { policy: { retention: { max_messages: 1 } } });
  for (let i = 0; i < 450; i++) void node.post(`room-${i}`, 'one');
  for (let i = 0; i < 450; i++) void node.post(`room-${i}`, 'two');
  await write(node, 'long', 2_500);
  await round(node, 61_000);
  for (const i of [0, 199, 200, 449]) t.same(await seqs(node, `room-${i}`), [2]);
  t.same(await seqs(node, 'long'), [2_500]);
});

t.test(
  'who comes back for what was forgotten is told, also when the node still has it in memory',
  async (t) => {
    const node = await startNode(t, { policy: { retention: { max_messages: 3 } } });
    const alice = await node.join('42', 'alice');
    await write(node, '42', 20);
    await round(node);
    const far = await node.join('42', 'bob', 5);
    const near = await node.join('42', 'carol', 18);
    await write(node, '42', 1);
    t.equal((await far.first('welcome')).recovered, false);
    t.same(far.seqs, [21]);
    t.equal((await near.first('welcome')).recovered, true);
    t.same(near.seqs, [19, 20, 21]);
    t.same(alice.seqs, upTo(0, 21), 'who was there has all of it');
  },
);

t.test('who is catching up while the rest is forgotten is not left with a hole', async (t) => {
  let forget: (() => Promise<unknown>) | null = null;
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      async history(page) {
        const events = await inner.history(page);
        if (page.limit > 1) await forget?.();
        return events;
      },
    }),
  });
  await write(node, '42', 500);
  forget = () => node.store.retain('42', { max_messages: 50, not_before: null });
  const client = node.connect('42', 'alice', 0);
  await node.quiet();
  t.equal(client.closedWith, 4503, 'it has to come again with its last seq');
  forget = null;
  const again = await node.join('42', 'alice', 200);
  t.equal((await again.first('welcome')).recovered, false, 'and is told');
});

t.test('a store that fails costs one round, and is said', async (t) => {
  let broken = true;
  const node = await startNode(t, {
    policy: { retention: { max_messages: 1 } },
    store: (inner) => ({
      ...inner,
      rooms: (after, limit): Promise<RoomRecord[]> =>
        broken ? Promise.reject(new Error('down')) : inner.rooms(after, limit),
    }),
  });
  await write(node, '42', 3);
  await round(node);
  t.same(await seqs(node, '42'), [1, 2, 3]);
  t.equal(node.counts.get('crashed retention'), 1);
  t.match(
    node.log.filter(({ level }) => level === 'error'),
    [{ fields: { cause: 'down' }, text: /retention/ }],
  );
  broken = false;
  await round(node);
  t.same(await seqs(node, '42'), [3]);
});

t.test('a policy that was changed while other rooms were dealt with is the one that holds', async (t) => {
  let changed = false;
  const node: Node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      async retain(roomId, keep) {
        if (roomId === 'a' && !changed) {
          changed = true;
          await node.request({ type: 'open', room_id: 'b', policy: { retention: null } });
        }
        return inner.retain(roomId, keep);
      },
    }),
  });
  for (const room of ['a', 'b']) {
    await node.request({ type: 'open', room_id: room, policy: { retention: { max_messages: 1 } } });
    await write(node, room, 5);
  }
  await round(node);
  t.equal((await seqs(node, 'a')).length, 1);
  t.equal((await seqs(node, 'b')).length, 7);
});

t.test('a long history is forgotten over several rounds, and does not keep the others waiting', async (t) => {
  const node = await startNode(t, {
    policy: { retention: { max_messages: 1 } },
    store: (inner) => ({
      ...inner,
      retain: (roomId, keep) => (roomId === 'endless' ? Promise.resolve(true) : inner.retain(roomId, keep)),
    }),
  });
  await write(node, 'endless', 5);
  await write(node, 'short', 5);
  await round(node, 62_000);
  t.same(await seqs(node, 'short'), [5]);
});

t.test('a node that stops ends its round', async (t) => {
  let steps = 0;
  const node = await startNode(t, {
    policy: { retention: { max_messages: 1 } },
    store: (inner) => ({ ...inner, retain: () => (steps++, Promise.resolve(true)) }),
  });
  await write(node, '42', 5);
  await node.clock.pass(60_020);
  t.ok(steps > 0);
  const stopped = node.engine.stop(100);
  const before = steps;
  await node.clock.pass(10_000);
  await stopped;
  t.ok(steps <= before + 1, `${steps - before} steps after it`);
  t.notOk(node.counts.has('crashed retention'));
});

t.test('the same policy again is no change, with a retention too', async (t) => {
  const node = await startNode(t);
  const policy = { retention: { max_messages: 5, max_age_s: 60 } };
  for (let i = 0; i < 3; i++) await node.request({ type: 'open', room_id: '42', policy });
  t.same(await seqs(node, '42'), [1]);
  await node.request({ type: 'open', room_id: '42', policy: { retention: { max_messages: 5 } } });
  t.same(await seqs(node, '42'), [1, 2]);
});
