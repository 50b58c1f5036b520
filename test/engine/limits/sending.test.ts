import t from 'tap';
import { ANYBODY } from '../../../engine/access/grant.js';
import { newId } from '../../../engine/ids.js';
import { NO_CLIENT_RATES as none } from '../../../engine/limits/client-limits.js';
import { ratePerSecond } from '../../../engine/limits/rate.js';
import { LoopDelay } from '../../../engine/limits/loop-delay.js';
import { ManualClock } from '../../support/clock.js';
import { startNode } from '../../support/engine.js';

/** Two a second, and two at once. */
const TWO = ratePerSecond(2, 1);

t.test('who posts too fast through one connection is told when to go on, and is then let in', async (t) => {
  const node = await startNode(t, { clientRates: { ...none, postsOfConnection: TWO } });
  const alice = await node.join('a', 'alice');
  const bob = await node.join('a', 'bob');
  const ids = [newId(), newId(), newId()];
  for (const id of ids) alice.post('hello', id);
  bob.post('I am another');
  await node.quiet();
  t.match(alice.all('error'), [{ code: 'rate_limited', id: ids[2], retry: true, retry_after_ms: 500 }]);
  t.same(alice.texts, ['hello', 'hello', 'I am another']);
  t.equal(node.counts.get('limited posts_per_connection'), 1);
  node.clock.jump(500);
  alice.post('hello again', ids[2]);
  await node.quiet();
  t.equal(alice.texts.at(-1), 'hello again');
  t.equal(alice.errors.length, 1);
});

t.test('all kinds of frames count as frames', async (t) => {
  const node = await startNode(t, { clientRates: { ...none, framesOfConnection: TWO } });
  const alice = await node.join('a', 'alice');
  alice.say({ type: 'ping' });
  alice.say({ type: 'typing' });
  alice.say({ type: 'ping' });
  alice.say({ type: 'nonsense' });
  await node.quiet();
  t.same(alice.errors, ['rate_limited', 'rate_limited']);
  t.equal(alice.all('pong').length, 1);
  t.equal(node.counts.get('limited frames_per_connection'), 2);
});

t.test('a user’s posts count together, over all connections and HTTP', async (t) => {
  const node = await startNode(t, { clientRates: { ...none, postsOfUser: TWO } });
  const phone = await node.join('a', 'alice');
  const desk = await node.join('b', 'alice');
  const bob = await node.join('b', 'bob');
  phone.post('one');
  desk.post('two');
  await node.quiet();
  phone.post('three');
  bob.post('four');
  await node.quiet();
  t.same([phone.errors, desk.errors, bob.errors], [['rate_limited'], [], []]);
  const over = await node.engine.request(
    { type: 'post', room_id: 'c', id: newId(), user: 'alice', text: 'five' },
    ANYBODY,
  );
  t.match(over, { type: 'refused', code: 'rate_limited', retry_after_ms: 500 });
  t.match(await node.post('c', 'from nobody'), { type: 'posted' }, 'a post without a user has no such limit');
  t.equal(node.counts.get('limited posts_per_user'), 2);
});

t.test('a room takes only so many posts, whoever sends them; other rooms do not notice', async (t) => {
  const node = await startNode(t, { postsOfRoom: TWO });
  const people = await Promise.all(['alice', 'bob', 'carol'].map((name) => node.join('a', name)));
  for (const person of people) person.post('hello');
  await node.quiet();
  t.same(
    people.map(({ errors }) => errors),
    [[], [], ['rate_limited']],
  );
  t.match(await node.post('a', 'over HTTP'), { type: 'refused', code: 'rate_limited', retry_after_ms: 500 });
  t.match(await node.post('b', 'elsewhere'), { type: 'posted' });
  t.equal(node.counts.get('limited posts_per_room'), 2);
  node.clock.jump(500);
  t.match(await node.post('a', 'later'), { type: 'posted' });
});

t.test('in slow mode each user waits between two posts', async (t) => {
  const node = await startNode(t, { policy: { post_interval_ms: 10_000 } });
  const alice = await node.join('a', 'alice');
  const bob = await node.join('a', 'bob');
  const id = newId();
  alice.post('first', id);
  alice.post('too early');
  bob.post('mine');
  await node.quiet();
  t.match(alice.all('error'), [{ code: 'rate_limited', retry_after_ms: 10_000 }]);
  t.match(alice.all('error')[0]?.message, /10000 ms/);
  t.same(bob.errors, []);
  alice.post('first', id);
  await node.quiet();
  t.equal(alice.all('ack').length, 2, 'a post that is sent again is told its first answer');
  t.match(
    await node.post('a', 'from a service'),
    { type: 'posted' },
    'nobody waits for a post without a user',
  );
  node.clock.jump(9_999);
  alice.post('still too early');
  await node.quiet();
  t.equal(alice.errors.length, 2);
  node.clock.jump(1);
  alice.post('second');
  await node.quiet();
  t.same(alice.texts, ['first', 'mine', 'from a service', 'second']);
  t.equal(node.counts.get('limited post_interval_ms'), 2);
});

t.test('slow mode is remembered while the room is empty, and ends when its policy says so', async (t) => {
  const node = await startNode(t, { policy: { post_interval_ms: 60_000, idle_ms: 1_000 } });
  const post = (text: string) =>
    node.engine.request({ type: 'post', room_id: 'a', id: newId(), user: 'alice', text }, ANYBODY);
  t.match(await post('first'), { type: 'posted' });
  node.clock.jump(30_000);
  await node.quiet();
  t.match(await post('too early'), { type: 'refused', code: 'rate_limited', retry_after_ms: 30_000 });
  node.clock.jump(31_000);
  await node.quiet();
  node.clock.jump(1_000);
  await node.quiet();
  t.equal(node.engine.stats().rooms, 0, 'nobody has to wait any more, so the room is unloaded');
  t.match(await post('second'), { type: 'posted' });
  await node.request({ type: 'open', room_id: 'a', policy: { post_interval_ms: 0 } });
  t.match(await post('third'), { type: 'posted' });
});

t.test('a connection that goes on although it is refused is closed with 4429', async (t) => {
  const node = await startNode(t, { clientRates: { ...none, framesOfConnection: TWO } });
  const alice = await node.join('a', 'alice');
  const bob = await node.join('a', 'bob');
  for (let i = 0; i < 200; i++) alice.say({ type: 'ping' });
  await node.quiet();
  t.equal(alice.closedWith, 4429);
  t.equal(node.counts.get('limited abuse'), 1);
  t.equal(bob.closedWith, null);
});

t.test(
  'whose connection is closed for abuse pauses, from the last one on, before the next one, and nobody else does',
  async (t) => {
    const node = await startNode(t, { abusePauseMs: 5_000 });
    const [alice, other] = [await node.join('a', 'alice'), await node.join('a', 'alice')];
    for (let i = 0; i < 10_000; i++) other.post(`${i}`, newId());
    node.clock.jump(3_000);
    await node.quiet();
    for (let i = 0; i < 10_000; i++) alice.post(`${i}`, newId());
    t.equal(alice.closedWith, 4429);
    t.match(alice.all('error').at(-1), { code: 'rate_limited', retry: true, retry_after_ms: 5_000 });
    t.match(node.engine.pauseOf('alice'), { code: 'rate_limited', retry_after_ms: 5_000 });
    t.equal(node.engine.pauseOf('bob'), null);
    node.clock.jump(4_999);
    t.match(node.engine.pauseOf('alice'), { retry_after_ms: 1 });
    node.clock.jump(1);
    t.equal(node.engine.pauseOf('alice'), null);
  },
);

t.test('without a pause, whose connection is closed for abuse may come back at once', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('a', 'alice');
  for (let i = 0; i < 10_000; i++) alice.post(`${i}`, newId());
  t.equal(alice.closedWith, 4429);
  t.equal(node.engine.pauseOf('alice'), null);
});

t.test('without limits, too: a flood that does not stop is closed', async (t) => {
  const node = await startNode(t);
  const alice = await node.join('a', 'alice');
  for (let i = 0; i < 10_000; i++) alice.post(`${i}`, newId());
  t.equal(alice.closedWith, 4429);
  await node.quiet();
  t.equal(node.engine.stats().underWay, 0);
  t.match(await node.post('a', 'others go on'), { type: 'posted' });
});

t.test('a few greedy connections never take all places of the node', async (t) => {
  const node = await startNode(t, {
    admission: { least: 400, most: 400, characters: 1_000_000, waitMs: 50 },
  });
  const greedy = await Promise.all([0, 1, 2, 3].map((n) => node.join('a', `greedy ${n}`)));
  const honest = await node.join('b', 'honest');
  for (let i = 0; i < 400; i++) for (const one of greedy) one.post(`${i}`, newId());
  honest.post('hello');
  await node.quiet();
  t.same(honest.errors, []);
  t.same(honest.texts, ['hello']);
  t.ok(greedy.every(({ errors }) => errors.includes('rate_limited')));
  t.ok(node.counts.get('limited share_of_node'));
});

t.test('while the event loop is late, posts are refused and members stay', async (t) => {
  const node = await startNode(t, { loopDelayMs: 500 });
  const alice = await node.join('a', 'alice');
  // A clock that jumps is a loop that was blocked.
  node.clock.jump(700);
  alice.post('after one pause');
  await node.quiet();
  node.clock.jump(700);
  alice.post('too late', newId());
  await node.quiet();
  t.ok(node.engine.isOverloaded());
  t.same(alice.errors, ['unavailable']);
  t.equal(alice.closedWith, null);
  node.clock.jump(100);
  alice.post('in time');
  await node.quiet();
  t.same(alice.texts, ['after one pause', 'in time']);
});

t.test('the event loop is late after two late looks in a row', (t) => {
  const clock = new ManualClock();
  const delay = new LoopDelay(clock, 500);
  clock.jump(650);
  t.notOk(delay.isLate, 'one may be a garbage collection');
  clock.jump(650);
  t.ok(delay.isLate);
  clock.jump(100);
  t.notOk(delay.isLate);
  delay.stop();
  clock.jump(10_000);
  clock.jump(10_000);
  t.notOk(delay.isLate, 'nobody looks any more');
  t.end();
});

t.test(
  'a user opens only so many rooms by joining and posting; a room that is there may be used',
  async (t) => {
    const node = await startNode(t, { roomsOfUser: TWO });
    const post = (room_id: string, more: object = {}) =>
      node.engine.request({ type: 'post', room_id, id: newId(), user: 'alice', text: 'x', ...more }, ANYBODY);
    t.match(await post('a'), { type: 'posted' });
    await node.join('b', 'alice');
    t.match(await post('c'), { type: 'refused', code: 'rate_limited', retry_after_ms: 500 });
    const alice = node.connect('d', 'alice');
    await node.quiet();
    t.equal(alice.closedWith, 4429);
    t.match(await post('a'), { type: 'posted' });
    t.match(await node.post('e', 'of nobody'), { type: 'posted' });
    t.match(await post('e'), { type: 'posted' }, 'somebody else has opened it');
    t.match(await post('f', { unlimited: true }), { type: 'posted' }, 'a service with a token may');
    t.equal(node.counts.get('limited rooms_opened_per_user'), 2);
    node.clock.jump(500);
    t.match(await post('c'), { type: 'posted' });
  },
);
