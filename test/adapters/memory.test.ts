import t from 'tap';
import { createMemoryStore } from '../../adapters/memory/store.js';
import type { Store } from '../../engine/ports.js';
import { append, message, messages, record } from '../conformance/store-fixture.js';
import { storeConformance } from '../conformance/store.js';

const LARGE = { eventsPerRoom: 100_000, eventsInAll: 1_000_000, rooms: 100_000 };

storeConformance('memory', () => {
  const store = createMemoryStore(LARGE);
  return Promise.resolve({
    store,
    elsewhere: () => Promise.resolve(createMemoryStore(LARGE)),
    close: () => store.close(),
  });
});

async function stored(store: Store, room: string): Promise<number[]> {
  const events = await store.history({ room_id: room, after: 0, limit: 1_000_000, messages_only: false });
  return events.map(({ seq }) => seq);
}

t.test('memory: a room keeps its last events, and not many more', async (t) => {
  const store = createMemoryStore({ ...LARGE, eventsPerRoom: 100 });
  await store.start();
  for (let seq = 1; seq <= 1_000; seq++) {
    await store.append([append('r', message('r', seq))]);
    const kept = await stored(store, 'r');
    if (kept.length > 101 || (seq >= 100 && kept.length < 100)) t.fail(`${kept.length} events after ${seq}`);
  }
  t.equal((await stored(store, 'r')).at(-1), 1_000);
  t.equal((await store.load('r'))?.head_seq, 1_000);
});

t.test(
  'memory: over all rooms no more events are kept than allowed; the oldest are forgotten first',
  async (t) => {
    const store = createMemoryStore({ ...LARGE, eventsInAll: 100 });
    await store.start();
    for (let i = 0; i < 50; i++) {
      await store.append([append(`r-${i}`, ...messages(`r-${i}`, 1, 10))]);
      const counts = await Promise.all(Array.from({ length: i + 1 }, (_, k) => stored(store, `r-${k}`)));
      t.ok(counts.flat().length <= 100);
      t.equal(counts[i]?.length, 10, 'what was just written can be read');
    }
    t.same(await stored(store, 'r-0'), []);
    t.equal((await store.load('r-0'))?.head_seq, 10, 'but its count of seqs is kept');
    t.same(await store.append([append('r-0', message('r-0', 11))]), ['committed']);
  },
);

t.test('memory: a single room over the bound of all keeps its last events', async (t) => {
  const store = createMemoryStore({ ...LARGE, eventsInAll: 100 });
  await store.start();
  for (let seq = 1; seq <= 500; seq++) {
    const last = message('r', seq);
    await store.append([append('r', last)]);
    if ((await store.findEvent(last.event_id)) === null) t.fail(`${seq} was committed and cannot be read`);
  }
  const kept = await stored(store, 'r');
  t.equal(kept.length, 100);
  t.equal(kept.at(-1), 500);
});

t.test('memory: the log forgets what the rooms have forgotten', async (t) => {
  const store = createMemoryStore({ ...LARGE, eventsPerRoom: 10 });
  await store.start();
  for (let seq = 1; seq <= 5_000; seq++) await store.append([append('r', message('r', seq))]);
  const log = await store.log(null, 10_000);
  t.same(
    log?.events.map(({ seq }) => seq),
    await stored(store, 'r'),
  );
});

t.test('memory: a room too many is refused, and the others of the same commit are not', async (t) => {
  const store = createMemoryStore({ ...LARGE, rooms: 2 });
  await store.start();
  await store.append([append('1', message('1', 1)), append('2', message('2', 1))]);
  const results = await store.append([
    append('1', message('1', 2)),
    append('3', message('3', 1)),
    { room: record('4', 0), events: [] },
    append('2', message('2', 2)),
  ]);
  t.same(results, ['committed', 'failed', 'failed', 'committed']);
  t.equal(await store.load('3'), null);
  t.same(
    (await store.rooms(null, 10)).map(({ room_id }) => room_id),
    ['1', '2'],
  );
});

t.test('memory: at its bound a write costs no more than before', async (t) => {
  const store = createMemoryStore({ ...LARGE, eventsInAll: 1_000 });
  await store.start();
  const time = async (from: number): Promise<number> => {
    const begun = performance.now();
    for (let i = from; i < from + 2_000; i++) await store.append([append(`r-${i}`, message(`r-${i}`, 1))]);
    return performance.now() - begun;
  };
  const first = await time(0);
  for (let i = 2_000; i < 20_000; i += 2_000) await time(i);
  const last = Math.min(await time(20_000), await time(22_000), await time(24_000));
  t.ok(last < first * 5 + 50, `${first.toFixed()} ms for the first 2,000, ${last.toFixed()} ms for the last`);
});
