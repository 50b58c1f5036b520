import t from 'tap';
import { newId } from '../../engine/ids.js';
import { turns } from '../support/clock.js';
import { startNode } from '../support/engine.js';
import { until } from '../support/until.js';

t.test(
  'a room that is closed shows room_closed, ends its connections with 4410, and lets nobody post or join',
  async (t) => {
    const node = await startNode(t);
    const alice = await node.join('42', 'alice');
    const bob = await node.join('42', 'bob');
    await node.post('42', 'last words');
    t.match(await node.request({ type: 'close', room_id: '42', purge: false }), { type: 'done' });
    await node.quiet();
    for (const client of [alice, bob]) {
      t.equal(client.closedWith, 4410);
      const types = client.frames.map(({ type }) => type).filter((type) => type !== 'joined');
      t.same(types, ['welcome', 'message', 'room_closed', 'error']);
      t.same(client.seqs, [1, 2]);
    }
    const carol = node.connect('42', 'carol');
    t.match(await node.post('42', 'hello?'), { type: 'refused', code: 'room_closed' });
    await node.quiet();
    t.equal(carol.closedWith, 4410);
    t.match(await node.request({ type: 'open', room_id: '42', policy: {} }), {
      type: 'opened',
      created: true,
    });
    const dave = await node.join('42', 'dave');
    t.equal((await dave.first('welcome')).head_seq, 3);
    t.same((await dave.first('welcome')).members, ['dave'], 'nobody kept a seat');
  },
);

t.test('who is kicked sees member_kicked, is closed with 4403, and the others stay', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  const bobsPhone = await node.join('42', 'bob');
  t.match(await node.request({ type: 'kick', room_id: '42', user: 'bob' }), { type: 'done' });
  await node.quiet();
  t.equal(bob.closedWith, 4403);
  t.equal(bobsPhone.closedWith, 4403);
  t.equal(bob.all('member_kicked')[0]?.user, 'bob');
  t.ok(alice.isOpen);
  t.same(
    alice.all('member_kicked').map(({ user }) => user),
    ['bob'],
  );
  t.same(alice.roster, ['alice']);
  t.match(await node.request({ type: 'kick', room_id: '42', user: 'bob' }), { code: 'not_a_member' });
  t.same((await (await node.join('42', 'bob')).first('welcome')).members.slice().sort(), ['alice', 'bob']);
});

t.test('whoever is let in at the moment the room is closed does not stay in it', async (t) => {
  for (let gap = 0; gap < 8; gap++) {
    const node = await startNode(t);
    const anna = await node.join('42', 'anna');
    const late = node.connect('42', 'late');
    await turns(gap);
    await node.request({ type: 'close', room_id: '42', purge: false });
    await node.quiet();
    t.equal(anna.closedWith, 4410);
    t.equal(late.closedWith, 4410, `${gap} turns between join and close`);
  }
});

t.test('whoever is kicked at the moment of being let in does not stay', async (t) => {
  for (let gap = 0; gap < 8; gap++) {
    const node = await startNode(t);
    await node.join('42', 'anna');
    const late = node.connect('42', 'late');
    await turns(gap);
    const answer = await node.request({ type: 'kick', room_id: '42', user: 'late' });
    await node.quiet();
    if (answer.type === 'done') t.equal(late.closedWith, 4403, `${gap} turns between join and kick`);
    else t.ok(late.isOpen);
    const seats = await node.request({ type: 'describe', room_id: '42' });
    t.match(seats, { room: { member_count: late.isOpen ? 2 : 1 } }, 'connections and seats agree');
  }
});

t.test('an old kick of the same user, seen again with since, ends nothing', async (t) => {
  const node = await startNode(t);
  await node.join('42', 'alice');
  await node.join('42', 'bob');
  await node.request({ type: 'kick', room_id: '42', user: 'bob' });
  await node.quiet();
  const bob = await node.join('42', 'bob', 0);
  await node.quiet();
  t.ok(bob.isOpen);
  t.same(bob.seqs, [1]);
});

t.test('a node that stops closes with 1012, answers everything, and keeps what it accepted', async (t) => {
  const node = await startNode(t);
  const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => node.join('42', `user-${i}`)));
  const answers = Array.from({ length: 500 }, (_, i) => node.post('42', `${i}`, newId()));
  await turns(1);
  const stopping = node.engine.stop(1_000);
  await until(() => clients.every(({ closedWith }) => closedWith !== null), {
    what: 'the clients to be told',
  });
  const after = node.post('42', 'too late');
  await node.clock.pass(1_000);
  await stopping;
  t.ok(clients.every(({ closedWith }) => closedWith === 1012));
  const got = await Promise.all(answers);
  const kept = got.flatMap((answer) => (answer.type === 'posted' ? [answer.message.seq] : []));
  t.equal((await node.store.load('42'))?.head_seq, kept.length);
  t.match(await after, { type: 'refused', code: 'unavailable' });
  t.match(node.engine.unready(), /going down/);
  t.equal(node.engine.stats().connections, 0);
  const late = node.connect('42', 'late');
  t.equal(late.closedWith, 4503);
});

t.test('a node that stops while its store hangs stops all the same, and says unavailable', async (t) => {
  const node = await startNode(t, {
    store: (inner) => ({ ...inner, append: () => new Promise(() => undefined) }),
  });
  const answer = node.post('42', 'into the void');
  await turns(5);
  const stopping = node.engine.stop(1_000);
  await node.clock.pass(1_000);
  await stopping;
  t.match(await answer, { type: 'refused', code: 'unavailable' });
});

t.test(
  'a node that was stopped keeps no timer running, not even for seats it could not give back',
  async (t) => {
    for (let gap = 0; gap < 6; gap++) {
      const node = await startNode(t);
      for (let i = 0; i < 10; i++) node.connect(`room-${i}`, 'alice');
      await turns(gap);
      const stopping = node.engine.stop(1_000);
      await node.clock.pass(1_000);
      await stopping;
      node.clock.jump(60_000);
      await turns(5);
      t.equal(node.clock.pending, 0, `stopped ${gap} turns after the connections were opened`);
    }
  },
);

t.test('a room that closes when it is empty does so after a restart, if nobody comes back', async (t) => {
  const node = await startNode(t, {
    policy: { deletion: 'when_empty', grace_ms: 5_000 },
    retentionMs: 60_000,
  });
  const at = '2024-01-01T00:00:00.000Z';
  for (const room_id of ['deserted', 'found']) {
    const record = { room_id, head_seq: 0, status: 'open' as const, policy: null, created_at: at };
    await node.store.append([{ room: record, events: [] }]);
  }
  await node.clock.pass(50_000);
  const alice = await node.join('found', 'alice');
  await node.clock.pass(10_000);
  t.match(await node.store.load('deserted'), { status: 'open' }, 'the time of grace is not over');
  await node.clock.pass(5_100);
  await node.quiet();
  t.match(await node.store.load('deserted'), { status: 'empty' });
  t.match(await node.store.load('found'), { status: 'open' });
  t.ok(alice.isOpen);
});
