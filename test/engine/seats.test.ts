import t from 'tap';
import { newId } from '../../engine/ids.js';
import { turns } from '../support/clock.js';
import { startNode, TIMERS_AT_REST } from '../support/engine.js';

t.test('a seat is kept for the time of grace, then it is free', async (t) => {
  const node = await startNode(t, { policy: { capacity: 2, grace_ms: 5_000 } });
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  bob.close();
  await node.clock.pass(4_999);
  const early = node.connect('42', 'carol');
  await node.quiet();
  t.equal(early.closedWith, 4409);
  t.same(alice.all('left'), []);
  await node.clock.pass(1);
  await node.quiet();
  t.same(
    alice.all('left').map(({ user }) => user),
    ['bob'],
  );
  const carol = await node.join('42', 'carol');
  t.same((await carol.first('welcome')).members, ['alice', 'carol']);
  t.same(alice.roster, ['alice', 'carol']);
});

t.test('who is back in time keeps the seat, and the others notice nothing', async (t) => {
  const node = await startNode(t, { policy: { capacity: 2, grace_ms: 5_000 } });
  const alice = await node.join('42', 'alice');
  for (let i = 0; i < 5; i++) {
    const bob = await node.join('42', 'bob');
    bob.close();
    await node.clock.pass(4_000);
  }
  await node.join('42', 'bob');
  await node.clock.pass(20_000);
  t.same(
    alice.all('joined').map(({ user }) => user),
    ['bob'],
  );
  t.same(alice.all('left'), []);
  t.equal(node.engine.stats().seats, 2);
});

t.test('several connections of one user hold one seat, until the last of them is gone', async (t) => {
  const node = await startNode(t, { policy: { capacity: 2, grace_ms: 1_000 } });
  await node.join('42', 'alice');
  const phones = await Promise.all([1, 2, 3].map(() => node.join('42', 'bob')));
  t.equal(node.engine.stats().seats, 2);
  phones[0]?.close();
  phones[1]?.close();
  await node.clock.pass(10_000);
  t.equal(node.engine.stats().seats, 2);
  phones[2]?.close();
  await node.clock.pass(1_000);
  t.equal(node.engine.stats().seats, 1);
});

t.test('without grace a seat is free as soon as its connection is gone', async (t) => {
  const node = await startNode(t, { policy: { capacity: 1, grace_ms: 0 } });
  (await node.join('42', 'alice')).close();
  const bob = await node.join('42', 'bob');
  t.same((await bob.first('welcome')).members, ['bob']);
});

t.test('whoever goes away while being let in gives the seat back, at whatever moment', async (t) => {
  for (let gap = 0; gap < 10; gap++) {
    const node = await startNode(t, { policy: { capacity: 1, grace_ms: 1_000 } });
    const alice = node.connect('42', 'alice');
    await turns(gap);
    alice.close();
    await node.quiet();
    await node.clock.pass(1_000);
    await node.quiet();
    const bob = node.connect('42', 'bob');
    await node.quiet();
    t.equal(bob.all('welcome').length, 1, `gone after ${gap} turns`);
    t.match(node.engine.stats(), { connections: 1, seats: 1, audiences: 1 });
  }
});

t.test('a leave that nobody could carry is said again until it is heard', async (t) => {
  let down = false;
  const node = await startNode(t, {
    policy: { capacity: 1, grace_ms: 0, idle_ms: 0 },
    broker: (inner) => ({
      ...inner,
      request(command, onAnswer) {
        if (!down) inner.request(command, onAnswer);
        else queueMicrotask(() => onAnswer({ type: 'refused', code: 'unavailable', message: 'down' }));
      },
    }),
  });
  const alice = await node.join('42', 'alice');
  down = true;
  alice.close();
  await node.clock.pass(10_000);
  t.equal(node.engine.stats().seats, 1);
  down = false;
  await node.clock.pass(5_002);
  await node.quiet();
  t.match(node.engine.stats(), { seats: 0, rooms: 0 });
  await node.join('42', 'bob');
});

t.test('an idle room is forgotten, and comes back with the same seq and policy', async (t) => {
  const node = await startNode(t, { policy: { idle_ms: 1_000 } });
  await node.request({ type: 'open', room_id: '42', policy: { capacity: 7 } });
  await node.post('42', 'one');
  t.equal(node.engine.stats().rooms, 1);
  await node.clock.pass(999);
  t.equal(node.engine.stats().rooms, 1);
  await node.clock.pass(2);
  t.equal(node.engine.stats().rooms, 0);
  t.equal(node.clock.pending, TIMERS_AT_REST);
  t.match(await node.post('42', 'two'), { type: 'posted', message: { seq: 3 } });
  t.match(await node.request({ type: 'describe', room_id: '42' }), {
    room: { policy: { capacity: 7 }, head_seq: 3 },
  });
});

t.test('a room that was only asked about is not kept in memory', async (t) => {
  const node = await startNode(t);
  for (let i = 0; i < 100; i++) {
    t.match(await node.request({ type: 'describe', room_id: `never-${i}` }), { code: 'room_not_found' });
  }
  await node.clock.pass(10);
  t.equal(node.engine.stats().rooms, 0);
  t.equal(await node.store.load('never-1'), null);
});

t.test('a command told at the moment a room is forgotten is carried out all the same', async (t) => {
  const node = await startNode(t, { policy: { idle_ms: 100 } });
  let seq = 0;
  for (let round = 0; round < 300; round++) {
    const before = round % 6;
    const passing = node.clock.pass(101);
    await turns(before);
    const answers = [node.post('42', 'a'), node.post('42', 'b', newId())];
    const client = node.connect('42', 'alice');
    await turns(round % 4);
    client.close();
    for (const answer of answers) t.match(await answer, { type: 'posted', message: { seq: ++seq } });
    await passing;
    await node.clock.pass(5_000);
  }
  await node.clock.pass(200);
  await node.quiet();
  t.match(node.engine.stats(), { rooms: 0, seats: 0, connections: 0 });
  t.equal((await node.store.load('42'))?.head_seq, 600);
});

t.test(
  'with more rooms than may be awake, the longest idle one sleeps; one with members never does',
  async (t) => {
    const node = await startNode(t, { maxRooms: 3 });
    await node.join('1', 'alice');
    await node.post('2', 'a');
    await node.clock.pass(1);
    await node.post('3', 'a');
    t.match(await node.post('4', 'a'), { type: 'posted' }, 'room 2 sleeps');
    await node.join('4', 'bob');
    await node.join('3', 'carl');
    t.equal(node.engine.stats().rooms, 3);
    t.match(await node.post('5', 'a'), { type: 'refused', code: 'unavailable' });
    t.match(await node.post('1', 'b'), { type: 'posted', message: { seq: 1 } });
    t.equal(node.engine.stats().seats, 3);
  },
);

t.test(
  'a command that stands behind the end of an idle room is carried out by the room after it',
  async (t) => {
    const node = await startNode(t, { policy: { idle_ms: 100 } });
    for (let round = 1; round <= 40; round++) {
      const [gap, first] = [round % 5, round % 2 === 0];
      if (first) node.clock.jump(101);
      await turns(first ? gap : 0);
      const answer = node.post('42', 'hello');
      await turns(first ? 0 : gap);
      if (!first) node.clock.jump(101);
      t.match(await answer, { type: 'posted', message: { seq: round } });
      await node.quiet();
    }
  },
);
