import t, { type Test } from 'tap';
import fc from 'fast-check';
import { FutureDates } from '../../engine/future-dates.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { Store } from '../../engine/ports.js';
import { startNode, type Node } from '../support/engine.js';

const HOUR = 3_600_000;
const YEAR = 8_766 * HOUR;

async function eventsOf(store: Store, room: string): Promise<DurableEvent[]> {
  return store.history({ room_id: room, after: 0, limit: 1_000, messages_only: false });
}

function neverGoesBack(t: Test, events: readonly DurableEvent[], count: number): void {
  const dates = events.map(({ at }) => at);
  t.equal(dates.length, count);
  t.same(dates, [...dates].sort(), 'dates are in the order of seqs');
}

t.test('dates in a room never go back, whichever way the clock jumps', async (t) => {
  const node = await startNode(t);
  for (const jump of [0, -HOUR, YEAR, -2 * YEAR, 5, -5]) {
    node.clock.set(jump);
    await node.post('42', 'Hello');
    await node.clock.pass(10);
  }
  const events = await eventsOf(node.store, '42');
  neverGoesBack(t, events, 6);
  t.not(events[0]?.at, events[2]?.at, 'and go on with the clock where it goes on');
  t.equal(events[5]?.at, events[2]?.at, 'as long as the clock is behind, they stand still');
});

t.test('dates in a room never go back when it sleeps, or gets a home whose clock is behind', async (t) => {
  const before = await startNode(t, { policy: { idle_ms: 10 } });
  before.clock.set(HOUR);
  await before.post('42', 'of the one home');
  await before.clock.pass(1_000);
  t.equal(before.engine.stats().rooms, 0, 'it sleeps');
  before.clock.set(-2 * HOUR);
  await before.post('42', 'awake again');
  const after: Node = await startNode(t, { store: () => before.store });
  after.clock.set(-HOUR);
  await after.post('42', 'of the other home');
  await after.request({ type: 'close', room_id: '42', purge: false });
  neverGoesBack(t, await eventsOf(after.store, '42'), 4);
  await after.post('elsewhere', 'Hello');
  const [other] = await eventsOf(after.store, 'elsewhere');
  const [first] = await eventsOf(after.store, '42');
  t.ok((other?.at ?? '') < (first?.at ?? ''), 'other rooms have nothing to do with it');
});

t.test('a seat lives for the time of grace, whichever way the clock jumps', async (t) => {
  for (const jump of [YEAR, -YEAR]) {
    const node = await startNode(t, { policy: { grace_ms: 5_000 } });
    const alice = await node.join('42', 'alice');
    const bob = await node.join('42', 'bob');
    bob.close();
    await node.quiet();
    node.clock.set(jump);
    await node.clock.pass(4_900);
    t.same(alice.roster, ['alice', 'bob'], 'not sooner');
    await node.clock.pass(200);
    t.same(alice.roster, ['alice'], 'and not later');
    t.same(alice.all('left').length, 1);
  }
});

t.test('retention by age is not held up by an event that is dated in the future', async (t) => {
  const node = await startNode(t, { policy: { retention: { max_age_s: 3_600 } } });
  await node.post('42', 'one');
  node.clock.set(YEAR);
  await node.post('42', 'two, dated in a year');
  node.clock.set(-YEAR);
  await node.post('42', 'three');
  await node.clock.pass(HOUR / 2);
  await node.post('42', 'four');
  const seqs = async () => (await eventsOf(node.store, '42')).map(({ seq }) => seq);
  t.same(await seqs(), [1, 2, 3, 4]);
  await node.clock.pass(HOUR / 2 + 300_000);
  t.same(await seqs(), [4], 'what came an hour ago is forgotten, also what is dated in a year');
  await node.clock.pass(HOUR);
  t.same(await seqs(), []);
  t.match(await node.post('42', 'five'), { type: 'posted', message: { seq: 5 } });
});

t.test('nothing that is dated in the future is forgotten before its time, nor much after it', async (t) => {
  const KEPT = 1_000;
  const steps = fc.array(fc.record({ ms: fc.nat(400), posts: fc.nat(3) }), { maxLength: 80 });
  const property = fc.property(steps, (all) => {
    const dates = new FutureDates();
    /** When each event came, by seq. */
    const came: number[] = [];
    let elapsed = 0;
    for (const { ms, posts } of all) {
      elapsed += ms;
      for (let i = 0; i < posts; i++) came.push(elapsed);
      const room = { room_id: '42', head_seq: came.length };
      const upTo = dates.tooOld(room, Infinity, KEPT, { now: 0, elapsed });
      // A round every 400 at most; marks stand a sixteenth of the time apart, or one round.
      const late = KEPT + 400 + 400 + KEPT / 16;
      const due = came.filter((at) => elapsed - at > late).length;
      if (upTo > 0 && elapsed - (came[upTo - 1] ?? 0) <= KEPT) throw new Error(`${upTo} too early`);
      if (upTo < due) throw new Error(`${due} should be forgotten, and ${upTo} are`);
    }
    return dates.tooOld({ room_id: '42', head_seq: 9 }, 5, KEPT, { now: 5, elapsed }) === 0;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});
