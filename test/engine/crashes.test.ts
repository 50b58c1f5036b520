import t from 'tap';
import type { Command } from '../../engine/messages/commands.js';
import { turns } from '../support/clock.js';
import { startNode } from '../support/engine.js';

/** Throws on a post whose text asks for it. */
function onBoom(command: Command): void {
  if (command.type === 'post' && command.text === 'boom') throw new Error('as asked');
}

t.test(
  'a post that makes its room crash is answered internal; what was accepted before and after it stands',
  async (t) => {
    const node = await startNode(t, { fault: onBoom });
    const alice = await node.join('42', 'alice');
    const bob = await node.join('43', 'bob');
    const answers = await Promise.all(['one', 'two', 'boom', 'three'].map((text) => node.post('42', text)));
    t.match(answers[0], { type: 'posted', message: { seq: 1 } });
    t.match(answers[1], { type: 'posted', message: { seq: 2 } });
    t.match(answers[2], { type: 'refused', code: 'internal' });
    t.match(answers[3], { type: 'posted', message: { seq: 3 } });
    await node.post('43', 'elsewhere');
    await node.quiet();
    t.same(alice.seqs, [1, 2, 3]);
    t.same(alice.texts, ['one', 'two', 'three']);
    t.ok(alice.isOpen);
    t.same(bob.seqs, [1]);
    t.equal(node.counts.get('crashed room'), 1);
    t.match(
      node.log.find(({ level }) => level === 'error'),
      { fields: { room_id: '42', cause: 'as asked' } },
    );
  },
);

t.test('after a crash those who held a seat have it, and nobody else gets it meanwhile', async (t) => {
  const node = await startNode(t, { fault: onBoom, policy: { capacity: 2, post: 'members' } });
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  alice.post('boom');
  const carol = node.connect('42', 'carol');
  await turns(30);
  t.equal(node.engine.stats().seats, 2);
  await node.clock.pass(500);
  await node.quiet();
  t.equal(carol.closedWith, 4409);
  t.ok(alice.isOpen && bob.isOpen);
  bob.post('still a member');
  await node.quiet();
  t.same(alice.texts, ['still a member']);
  t.same([alice.all('left'), bob.all('left')], [[], []]);
  bob.close();
  await node.clock.pass(5_000);
  await node.join('42', 'dave');
});

t.test('whoever is let in at the moment of a crash holds a seat afterwards', async (t) => {
  for (let gap = 0; gap < 12; gap++) {
    const node = await startNode(t, { fault: onBoom, policy: { post: 'members' } });
    const anna = await node.join('42', 'anna');
    const late = node.connect('42', 'late');
    for (let i = 0; i < gap; i++) {
      void node.post('43', 'keeps the bridge busy');
      await turns(1);
    }
    anna.post('boom');
    await turns(30);
    await node.clock.pass(5_000);
    await node.quiet();
    const room = await node.request({ type: 'describe', room_id: '42' });
    const members = room.type === 'described' ? [...room.room.members].sort() : [];
    t.same(members, ['anna', 'late'], `${gap} turns between join and crash`);
    late.post('hello');
    await node.quiet();
    t.same(anna.texts, ['hello']);
  }
});

t.test('five crashes in 10 s, and the room rests for 30 s; the others do not notice', async (t) => {
  const node = await startNode(t, { fault: onBoom });
  const alice = await node.join('42', 'alice');
  await node.post('42', 'one');
  for (let i = 0; i < 4; i++) t.match(await node.post('42', 'boom'), { code: 'internal' });
  t.match(await node.post('42', 'two'), { type: 'posted', message: { seq: 2 } });
  t.match(await node.post('42', 'boom'), { code: 'internal' });
  t.match(await node.post('42', 'three'), { type: 'refused', code: 'unavailable' });
  t.match(await node.post('43', 'elsewhere'), { type: 'posted' });
  await node.clock.pass(29_999);
  t.match(await node.post('42', 'three'), { type: 'refused', code: 'unavailable' });
  await node.clock.pass(1);
  t.match(await node.post('42', 'three'), { type: 'posted', message: { seq: 3 } });
  await node.quiet();
  t.same(alice.texts, ['one', 'two', 'three']);
  t.equal(node.engine.stats().seats, 1, 'alice has her seat again');
});

t.test('everybody gets an answer when a room goes down, also who was dealt with just before', async (t) => {
  const node = await startNode(t, { fault: onBoom });
  for (let i = 0; i < 4; i++) await node.post('42', 'boom');
  const answers = await Promise.all(['one', 'two', 'boom', 'three'].map((text) => node.post('42', text)));
  const codes = answers.map((answer) => (answer.type === 'refused' ? answer.code : answer.type));
  t.equal(codes[2], 'internal');
  t.equal(codes[3], 'unavailable');
  const head = (await node.store.load('42'))?.head_seq ?? 0;
  t.equal(
    codes.filter((code) => code === 'posted').length,
    head,
    'what was answered posted is stored, nothing else',
  );
});

t.test('crashes that are far apart never put a room to rest', async (t) => {
  const node = await startNode(t, { fault: onBoom });
  await node.join('42', 'alice');
  for (let i = 0; i < 20; i++) {
    t.match(await node.post('42', 'boom'), { code: 'internal' });
    await node.clock.pass(2_501);
    t.match(await node.post('42', `${i}`), { type: 'posted', message: { seq: i + 1 } });
  }
});

t.test('a room that crashes at random costs 100 others nothing, and keeps its own order', async (t) => {
  let random = 1;
  const dice = (): number => (random = (random * 48_271) % 2_147_483_647) / 2_147_483_647;
  const node = await startNode(t, {
    fault: (command) => {
      if (command.room_id === 'bad' && command.type === 'post' && dice() < 0.05) throw new Error('at random');
    },
  });
  const rooms = [...Array.from({ length: 100 }, (_, i) => `room-${i}`), 'bad'];
  const clients = await Promise.all(rooms.map((room) => node.join(room, 'reader')));
  let accepted = 0;
  for (let round = 0; round < 60; round++) {
    const answers = await Promise.all(rooms.map((room) => node.post(room, `${round}`)));
    const codes = answers.map((answer) => (answer.type === 'refused' ? answer.code : answer.type));
    t.ok(codes.slice(0, 100).every((code) => code === 'posted'));
    if (codes[100] === 'posted') accepted++;
    await node.clock.pass(3_000);
  }
  await node.quiet();
  for (const client of clients.slice(0, 100))
    t.same(
      client.seqs,
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  t.ok(accepted < 60 && accepted > 30);
  t.same(
    clients[100]?.seqs,
    Array.from({ length: accepted }, (_, i) => i + 1),
  );
});

t.test('a client whose socket throws takes nobody else with it', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('42', 'alice');
  const mallory = await node.join('42', 'mallory');
  mallory.send = () => {
    throw new Error('the socket is broken');
  };
  mallory.post('mine');
  const answers = await Promise.all(['one', 'two'].map((text) => node.post('42', text)));
  t.match(answers, [{ type: 'posted' }, { type: 'posted' }]);
  alice.post('three');
  await node.quiet();
  t.equal(alice.all('ack').length, 1);
});

t.test(
  'who had gone when the room crashed leaves when the time of grace is over, and everybody is told',
  async (t) => {
    const node = await startNode(t, { fault: onBoom, policy: { capacity: 2, deletion: 'when_empty' } });
    const alice = await node.join('42', 'alice');
    const bob = await node.join('42', 'bob');
    bob.close();
    await node.quiet();
    alice.post('boom');
    await node.clock.pass(4_000);
    t.equal(node.engine.stats().seats, 2, 'the seat is kept over the crash');
    await node.clock.pass(6_000);
    t.same(
      alice.all('left').map(({ user }) => user),
      ['bob'],
    );
    alice.close();
    await node.clock.pass(5_000);
    await node.quiet();
    t.match(
      await node.store.load('42'),
      { status: 'empty' },
      'and the room closes when the last one has left',
    );
  },
);
