import t from 'tap';
import { createLongPolls, type Waiter } from '../../api/long-polls.js';
import { ANYBODY } from '../../engine/access/grant.js';
import { createWatchers } from '../../engine/watchers.js';
import { ManualClock } from '../support/clock.js';

/** Long polls over a broker that is away: nobody knows when the events of a room will be heard. */
function deaf() {
  const clock = new ManualClock();
  const broker = { subscribe: () => new Promise<void>(() => undefined), unsubscribe: () => undefined };
  const watchers = createWatchers(broker, clock);
  const places = { taken: 0 };
  const polls = createLongPolls({
    engine: {
      watch: (room) => watchers.watch(room),
      access: { isTrusted: () => false, isGood: () => true } as never,
    },
    store: { history: () => Promise.resolve([]) },
    arrivals: {
      enter: () => (places.taken++, null),
      left: () => {
        places.taken--;
      },
      seat: () => null,
      unseat: () => undefined,
    },
    isFull: () => false,
    metrics: { limited: () => undefined },
    clock,
    log: { warn: () => undefined } as never,
  });
  return { clock, places, polls, watchers };
}

const wish = { room_id: 'a', after: 0, limit: 10, ms: 1_000 };
const waiter: Waiter = { ip: '192.0.2.1', grant: ANYBODY, onGone: () => undefined };
const turn = (): Promise<void> => new Promise((next) => setImmediate(next));

t.test('a wait is over in time although its room cannot be heard yet', async (t) => {
  const { clock, places, polls, watchers } = deaf();
  const answer = polls.wait(wish, waiter);
  await turn();
  t.equal(places.taken, 1);
  clock.jump(1_000);
  t.same(await answer, []);
  t.equal(places.taken, 0);
  t.equal(watchers.count, 0);
});

t.test('who goes while its room cannot be heard yet leaves its place at once', async (t) => {
  const { places, polls } = deaf();
  let go = (): void => undefined;
  const answer = polls.wait(wish, { ...waiter, onGone: (call) => (go = call) });
  await turn();
  go();
  t.same(await answer, []);
  t.equal(places.taken, 0);
});
