import { Readable } from 'node:stream';
import t from 'tap';
import { exportRooms, type ExportTally } from '../../api/transfer/export.js';
import { ReaderGone } from '../../api/transfer/fault.js';
import { eventLine, roomLine } from '../../api/transfer/format.js';
import { importRooms } from '../../api/transfer/import.js';
import type { Store } from '../../engine/ports.js';
import { append, message, messages, record } from '../conformance/store-fixture.js';
import { turns } from '../support/clock.js';
import { collector, everything, exported, imported, never, newStore, storeWith } from './transfer-fixture.js';

/** What an export may have read and not written: what it holds at a room's beginning, and a page. */
const MOST_AHEAD = 11_000;

/** A store with one endless room, of which `read` tells how much was read. */
function endless(headSeq: number) {
  const asked = { read: 0 };
  const store: Pick<Store, 'load' | 'history' | 'rooms'> = {
    load: (id) => Promise.resolve(record(id, headSeq)),
    rooms: () => Promise.resolve([]),
    history({ after, limit, room_id }) {
      const count = Math.min(limit, headSeq - Number(after));
      asked.read += count;
      return Promise.resolve(messages(room_id, Number(after) + 1, count));
    },
  };
  return { store, asked };
}

t.test('an export never reads far ahead of a reader that is slow, or stops', async (t) => {
  const { store, asked } = endless(100_000);
  let written = 0;
  let most = 0;
  let go = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (go = resolve));
  const out = collector(async (text) => {
    most = Math.max(most, asked.read - written);
    if (written > 50_000) await stopped;
    written += text.split('\n').length - 1;
  });
  const whole = exportRooms({
    store,
    rooms: ['a'],
    out: out.stream,
    report: () => undefined,
    signal: never(),
  });
  while (written <= 50_000) await turns(1);
  await turns(200);
  t.ok(asked.read - written < MOST_AHEAD, `${asked.read} were read, ${written} taken`);
  go();
  t.match(await whole, { rooms: 1, events: 100_000, total: 100_000 });
  t.ok(most < MOST_AHEAD, `${most} ahead at most`);
});

t.test('an import never reads far ahead of a store that is slow', async (t) => {
  let given = 0;
  function* lines() {
    yield roomLine(record('a', 1_000_000), 1);
    for (given = 1; given <= 1_000_000; given++) yield eventLine(message('a', given));
  }
  const store = await newStore();
  const stop = new AbortController();
  let commits = 0;
  const slow: Store = {
    ...store,
    append: (list) => (++commits < 20 ? store.append(list) : new Promise(() => undefined)),
  };
  const input = Readable.from(
    (function* () {
      for (const line of lines()) yield Buffer.from(line);
    })(),
  );
  const over = importRooms({ store: slow, input, report: () => undefined, signal: stop.signal });
  void over.catch(() => 'it never ends');
  while (commits < 20) await turns(1);
  await turns(200);
  t.ok(given < 20 * 500 + 100, `${given} lines were read, ${19 * 500} events are stored`);
});

t.test('what is posted while a room is exported disturbs nothing and is left out', async (t) => {
  const source = await storeWith({ a: 25_100, b: 10 });
  const before = await everything(source);
  const begun = await exported(source, ['a']);
  let seq = 25_100;
  const out = collector(async () => {
    await source.append([append('a', message('a', ++seq))]);
  });
  await exportRooms({
    store: source,
    rooms: ['a'],
    out: out.stream,
    report: () => undefined,
    signal: never(),
  });
  t.ok(seq > 25_110, `${seq - 25_100} were posted meanwhile`);
  t.ok(out.text() === begun, 'the export is the room as it was when it began');
  const copy = await newStore();
  await imported(copy, out.text());
  t.same((await everything(copy))[0]?.record, before[0]?.record);
});

/** A store in which, once so many pages were read, something happens. */
function withIncident(store: Store, afterPages: number, incident: () => Promise<unknown>): Store {
  let pages = 0;
  return {
    ...store,
    async history(page) {
      if (page.limit > 1 && pages++ === afterPages) await incident();
      return store.history(page);
    },
  };
}

t.test('a room that is trimmed while its export begins is exported from where it begins now', async (t) => {
  for (const [keep, first] of [
    [300, 4_701],
    [null, 5_001],
  ] as const) {
    const source = await storeWith({ a: 5_000 });
    const trimmed = withIncident(source, 4, async () => {
      if (keep === null)
        return source.append([{ room: record('a', 5_000), events: [], purge_before: 5_001 }]);
      while (await source.retain('a', { max_messages: keep, not_before: null }));
      return keep;
    });
    const text = await exported(trimmed, ['a']);
    t.match(JSON.parse(text.split('\n')[0] ?? ''), { first_seq: first });
    const copy = await newStore();
    await imported(copy, text);
    t.same(await everything(copy), await everything(source));
  }
});

t.test('a large room that is purged in the middle of its export is not passed off as whole', async (t) => {
  const source = await storeWith({ a: 20_000 });
  const purged = withIncident(source, 30, () =>
    source.append([{ room: record('a', 20_000), events: [], purge_before: 19_000 }]),
  );
  await t.rejects(exported(purged, ['a']), {
    message:
      'room a: its events 15001 to 18999 were forgotten (retention or a purge) while it was exported; export it again',
  });
});

t.test('a store with a hole in a room is called damaged, wherever the hole is', async (t) => {
  for (const hole of [2, 250, 501, 999]) {
    const source = await storeWith({ a: 1_000 });
    const damaged: Store = {
      ...source,
      async history(page) {
        const events = await source.history({ ...page, limit: page.limit + 1 });
        return events.filter(({ seq }) => seq !== hole).slice(0, page.limit);
      },
    };
    await t.rejects(exported(damaged, ['a']), {
      message: `room a: the store has no event with seq ${hole}, though older ones are there: it is damaged`,
    });
  }
});

t.test('a reader that goes away ends the export, which reads no further', async (t) => {
  const { store, asked } = endless(100_000);
  const out = collector((text) => {
    if (text.startsWith('{"type":"message')) out.stream.destroy();
  });
  const options = { store, rooms: ['a'], out: out.stream, report: () => undefined, signal: never() };
  const cause: unknown = await exportRooms(options).catch((thrown: unknown) => thrown);
  t.ok(cause instanceof ReaderGone, String(cause));
  t.ok(asked.read < MOST_AHEAD);
  const failing = collector(() => Promise.reject(new Error('ENOSPC: no space left on device, write')));
  await t.rejects(exportRooms({ ...options, out: failing.stream }), {
    message: 'cannot write: ENOSPC: no space left on device, write',
  });
});

t.test('an export that is interrupted ends at once, also when its reader has stopped', async (t) => {
  const { store } = endless(100_000);
  const stop = new AbortController();
  const out = collector(() => {
    stop.abort(new Error('by hand'));
    return new Promise(() => undefined);
  });
  const options = { store, rooms: ['a'], out: out.stream, report: () => undefined, signal: stop.signal };
  await t.rejects(exportRooms(options), { message: 'by hand' });
});

t.test('an export that was interrupted before it began writes nothing', async (t) => {
  const out = collector();
  const signal = AbortSignal.abort(new Error('by hand'));
  const store = await storeWith({ a: 3 });
  const options = { store, rooms: ['a'], out: out.stream, report: () => undefined, signal };
  await t.rejects(exportRooms(options), { message: 'by hand' });
  t.equal(out.text(), '');
});

t.test('an import that is interrupted while it waits for its input ends at once', async (t) => {
  const stop = new AbortController();
  const input = new Readable({ read: () => undefined });
  const over = importRooms({ store: await newStore(), input, report: () => undefined, signal: stop.signal });
  setImmediate(() => stop.abort(new Error('by hand')));
  await t.rejects(over, { message: 'by hand' });
  t.ok(input.destroyed);
});

t.test('how far an export has come is told from its beginning to its end', async (t) => {
  const source = await storeWith({ a: 12_000, b: 700 });
  await source.append([{ room: record('b', 700), events: [], purge_before: 601 }]);
  const tallies: ExportTally[] = [];
  const out = collector();
  const report = (tally: ExportTally): void => void tallies.push(tally);
  await exportRooms({ store: source, rooms: 'all', out: out.stream, report, signal: never() });
  t.same(tallies[0], { rooms: 0, events: 0, total: 12_700 });
  t.same(tallies.at(-1), { rooms: 2, events: 12_100, total: 12_100 });
  for (const [i, { events, total }] of tallies.entries())
    t.ok(events <= total && events >= (tallies[i - 1]?.events ?? 0), `${events} of ${total}`);
});
