import t from 'tap';
import { newId } from '../../engine/ids.js';
import { startNode, TIMERS_AT_REST } from '../support/engine.js';
import { turns } from '../support/clock.js';

t.test('the first frame is welcome, and then comes what is posted, to everybody and in order', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  alice.post('one');
  bob.post('two');
  alice.post('three');
  await node.quiet();
  for (const client of [alice, bob]) {
    t.equal(client.frames[0]?.type, 'welcome');
    t.same(client.seqs, [1, 2, 3]);
    t.same([...client.texts].sort(), ['one', 'three', 'two']);
    t.same(
      client.texts.filter((text) => text !== 'two'),
      ['one', 'three'],
      'in the order alice posted',
    );
  }
  const welcome = await bob.first('welcome');
  t.same(welcome.members, ['alice', 'bob']);
  t.equal(welcome.head_seq, 0);
  t.same(
    alice.all('joined').map(({ user }) => user),
    ['bob'],
  );
});

t.test('acks come in the order of the posts, and name their seqs', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const ids = Array.from({ length: 500 }, () => newId());
  ids.forEach((id) => alice.post('hello', id));
  await node.quiet();
  t.same(
    alice.all('ack').map(({ id }) => id),
    ids,
  );
  t.same(
    alice.all('ack').map(({ seq }) => seq),
    ids.map((_id, i) => i + 1),
  );
  t.same(alice.errors, []);
});

t.test('the same id is one message with one answer, also while the first is under way', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const id = newId();
  const first = await Promise.all([
    node.post('42', 'hello', id),
    node.post('42', ' hello ', id),
    node.post('42', 'hello', id),
  ]);
  const later = await node.post('42', 'hello', id);
  for (const answer of [...first, later]) t.same(answer, first[0]);
  t.match(first[0], { type: 'posted', message: { seq: 1, event_id: id } });
  await node.quiet();
  t.same(alice.seqs, [1]);
  t.equal((await node.store.load('42'))?.head_seq, 1);
});

t.test(
  'an id that belongs to another message is refused, whether that one is stored or still under way',
  async (t) => {
    const node = await startNode(t);
    const id = newId();
    const [first, other] = await Promise.all([
      node.post('42', 'hello', id),
      node.post('42', 'something else', id),
    ]);
    t.match(first, { type: 'posted' });
    t.match(other, { type: 'refused', code: 'id_conflict' });
    t.match(await node.post('42', 'something else', id), { type: 'refused', code: 'id_conflict' });
    t.match(
      await node.post('43', 'hello', id),
      { type: 'refused', code: 'id_conflict' },
      'nor in another room',
    );
    t.equal((await node.store.load('42'))?.head_seq, 1);
    t.match(await node.post('43', 'hello'), { type: 'posted', message: { seq: 1 } });
  },
);

t.test('with 200 users at the door of a room for two, two get in and 198 are told it is full', async (t) => {
  for (let run = 0; run < 5; run++) {
    const node = await startNode(t, { policy: { capacity: 2 } });
    const clients = Array.from({ length: 200 }, (_, i) => node.connect('42', `user-${i}`));
    await node.quiet();
    t.equal(clients.filter((client) => client.all('welcome').length === 1).length, 2);
    const refused = clients.filter((client) => client.closedWith === 4409);
    t.equal(refused.length, 198);
    t.ok(refused.every((client) => client.errors.join() === 'room_full'));
    t.equal(node.engine.stats().seats, 2);
    await node.post('42', 'secret');
    await node.quiet();
    t.ok(
      refused.every(({ texts }) => texts.length === 0),
      'who is not in reads nothing',
    );
  }
});

t.test('frames before welcome are refused, and change nothing', async (t) => {
  const node = await startNode(t);
  const alice = node.connect('42', 'alice');
  alice.post('too early', newId());
  await node.quiet();
  t.same(alice.errors, ['not_joined']);
  t.equal(alice.all('error')[0]?.id?.length, 36);
  alice.post('now');
  await node.quiet();
  t.same(alice.texts, ['now']);
});

t.test('typing is passed on at most once a second and member; the rest is dropped and counted', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const tab = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  const shown = (): string[] => bob.all('typing').map(({ user }) => user);
  for (let i = 0; i < 100; i++) {
    alice.say({ type: 'typing' });
    tab.say({ type: 'typing' });
    bob.say({ type: 'typing' });
    await node.clock.pass(9);
  }
  t.same(shown().sort(), ['alice', 'bob'], '300 in 900 ms, from three connections of two members');
  t.equal(node.counts.get('dropped typing_too_often'), 298);
  await node.clock.pass(1_000);
  alice.say({ type: 'typing' });
  await node.quiet();
  t.same(shown().length, 3, 'the next one after a second is shown');
  t.same(alice.errors, [], 'and nobody is told of those that were dropped');
});

t.test('a ping is answered with a pong, even before the welcome', async (t) => {
  const node = await startNode(t);
  const alice = node.connect('42', 'alice');
  alice.say({ type: 'ping' });
  await alice.first('pong');
  await alice.first('welcome');
  alice.say({ type: 'ping' });
  await node.quiet();
  t.same(alice.all('pong'), [{ type: 'pong' }, { type: 'pong' }]);
  t.same(alice.errors, []);
});

t.test('typing is shown to who is there, and is never stored', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  alice.say({ type: 'typing' });
  await node.quiet();
  t.same(bob.all('typing'), [{ type: 'typing', user: 'alice' }]);
  t.equal((await node.store.load('42'))?.head_seq, 0);
  t.match(await node.request({ type: 'typing', room_id: '42', user: 'carol' }), { code: 'not_a_member' });
});

t.test('a frame that is none gets bad_request and an explanation, and the connection goes on', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const before = alice.frames.length;
  const wrong = [
    '{',
    '[]',
    '"post"',
    'null',
    '{}',
    '{"type":"x"}',
    '{"type":"post"}',
    '{"type":"post","text":"a","x":1}',
  ];
  for (const text of wrong) alice.connection?.frame(text);
  alice.say({ type: 'post', text: '', id: 'not a uuid' });
  alice.say({ type: 'post', text: ' '.repeat(10) });
  alice.say({ type: 'typing', user: 'bob' });
  await node.quiet();
  t.equal(alice.frames.length - before, wrong.length + 3);
  t.ok(alice.errors.every((code) => code === 'bad_request'));
  alice.post('still here');
  await node.quiet();
  t.same(alice.texts, ['still here']);
});

t.test(
  'who sends more at once than a connection may hold is told rate_limited, and loses nothing else',
  async (t) => {
    const node = await startNode(t);
    const alice = await node.join('42', 'alice');
    for (let i = 0; i < 1_500; i++) alice.post(`${i}`, newId());
    await node.quiet();
    const acks = alice.all('ack').length;
    const refusals = alice.errors.filter((code) => code === 'rate_limited').length;
    t.equal(acks + refusals, 1_500, 'each has its answer');
    t.ok(acks >= 1_024 && refusals > 0);
    t.same(
      alice.seqs,
      Array.from({ length: acks }, (_, i) => i + 1),
    );
  },
);

t.test('5,000 connections that come and go leave nothing behind', async (t) => {
  const node = await startNode(t, { policy: { grace_ms: 1_000, idle_ms: 1_000 } });
  const clients = Array.from({ length: 5_000 }, (_, i) => node.connect(`room-${i % 1_000}`, `user-${i}`));
  await node.quiet();
  t.match(node.engine.stats(), { connections: 5_000, rooms: 1_000, seats: 5_000, audiences: 1_000 });
  clients.forEach((client) => client.close());
  await node.quiet();
  t.match(node.engine.stats(), { connections: 0, rooms: 1_000, seats: 5_000, audiences: 0 });
  for (let s = 0; s < 4; s++) {
    node.clock.jump(1_000);
    await turns(10);
    await node.quiet();
  }
  t.match(node.engine.stats(), {
    connections: 0,
    rooms: 0,
    seats: 0,
    audiences: 0,
    waiting: { rooms: 0, audiences: 0, bridge: 0, journal: 0 },
    broker: { pending: 0 },
  });
  t.equal(node.clock.pending, TIMERS_AT_REST, 'no timer is left');
});
