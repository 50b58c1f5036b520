import t from 'tap';
import { slotOf } from '../../engine/slots.js';
import { createWatchers, type Watch } from '../../engine/watchers.js';
import type { RoomEvent } from '../../engine/messages/events.js';
import { ManualClock } from '../support/clock.js';

function make() {
  const clock = new ManualClock();
  const slots: string[] = [];
  const broker = {
    subscribe(slot: number) {
      slots.push(`+${slot}`);
      return Promise.resolve();
    },
    unsubscribe: (slot: number) => void slots.push(`-${slot}`),
  };
  return { clock, slots, watchers: createWatchers(broker, clock) };
}

const event = (room_id: string): RoomEvent => ({
  type: 'room_closed',
  room_id,
  event_id: '00000000-0000-7000-8000-000000000000',
  seq: 1,
  at: '2026-01-01T00:00:00.000Z',
  reason: 'deleted',
  purged: false,
});

/** Whether a wait has ended, by the end of this turn. */
async function hasEnded(wait: Promise<void>): Promise<boolean> {
  let ended = false;
  void wait.then(() => (ended = true));
  await new Promise((turn) => setImmediate(turn));
  return ended;
}

function started(watch: Watch | null): Watch {
  if (watch === null) throw new Error('there is no watch');
  return watch;
}

t.test('an event ends the wait in its room, and only there', async (t) => {
  const { watchers } = make();
  const [a, b] = [started(watchers.watch('a')), started(watchers.watch('b'))];
  const [inA, inB] = [a.changed(a.version, 1_000), b.changed(b.version, 1_000)];
  watchers.event({ type: 'typing', room_id: 'a', user: 'alice' } as RoomEvent);
  t.equal(await hasEnded(inA), false, 'what is not stored wakes nobody');
  watchers.event(event('a'));
  t.equal(await hasEnded(inA), true);
  t.equal(await hasEnded(inB), false);
  watchers.missed();
  t.equal(await hasEnded(inB), true, 'what may have been missed does, in every room');
});

t.test('what happens between the look at the version and the wait is not missed', async (t) => {
  const { watchers } = make();
  const watch = started(watchers.watch('a'));
  const { version } = watch;
  watchers.event(event('a'));
  t.equal(await hasEnded(watch.changed(version, 1_000)), true);
  t.equal(await hasEnded(watch.changed(watch.version, 1_000)), false);
});

t.test('a wait ends with its time, and with its watch', async (t) => {
  const { watchers, clock } = make();
  const watch = started(watchers.watch('a'));
  const wait = watch.changed(watch.version, 1_000);
  clock.jump(999);
  t.equal(await hasEnded(wait), false);
  clock.jump(1);
  t.equal(await hasEnded(wait), true);
  const other = watch.changed(watch.version, 1_000);
  watch.end();
  watch.end();
  t.equal(await hasEnded(other), true);
  t.equal(watchers.count, 0);
});

t.test('a room is heard while somebody watches it, and never has a version twice', (t) => {
  const { watchers, slots } = make();
  const slot = slotOf('a');
  const one = started(watchers.watch('a'));
  const two = started(watchers.watch('a'));
  t.same(slots, [`+${slot}`], 'asked for once');
  one.end();
  t.same(slots, [`+${slot}`]);
  two.end();
  t.same(slots, [`+${slot}`, `-${slot}`]);
  const three = started(watchers.watch('a'));
  t.ok(three.version > one.version);
  t.end();
});

t.test('after the stop all waits are over, and none begins', async (t) => {
  const { watchers } = make();
  const watch = started(watchers.watch('a'));
  const wait = watch.changed(watch.version, 1_000);
  watchers.stop();
  t.equal(await hasEnded(wait), true);
  t.equal(watch.isOver, true);
  t.equal(watchers.watch('a'), null);
  t.equal(watchers.count, 0);
});
