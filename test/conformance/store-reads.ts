import { newId } from '../../engine/ids.js';
import { isDurable, type DurableEvent } from '../../engine/messages/events.js';
import type { LogPage, RoomRecord, Store } from '../../engine/ports.js';
import { append, AT, message, messages, record, seqs, upTo, type Promised } from './store-fixture.js';

async function logOf(store: Store, after: string | null, limit: number): Promise<LogPage> {
  const page = await store.log(after, limit);
  if (page === null) throw new Error(`the log does not know ${after}`);
  return page;
}

/** All of the log, in pages. */
async function wholeLog(store: Store, limit: number): Promise<DurableEvent[]> {
  const seen: DurableEvent[] = [];
  for (let page = await logOf(store, null, limit); ; page = await logOf(store, page.cursor, limit)) {
    if (page.events.length > limit) throw new Error(`${page.events.length} events on a page of ${limit}`);
    seen.push(...page.events);
    if (!page.more) return seen;
  }
}

/** What is promised of everything that reads. */
export function promiseReads(promise: Promised): void {
  promise('history goes up from `after`, and down from the end or from `before`', async (t, store, room) => {
    await store.append([append(room, ...messages(room, 1, 30))]);
    const page = async (more: { after?: number; before?: number; limit?: number }): Promise<number[]> =>
      seqs(await store.history({ room_id: room, limit: 10, messages_only: false, ...more }));
    t.same(await page({ after: 0 }), upTo(0, 10));
    t.same(await page({ after: 25 }), upTo(25, 30));
    t.same(await page({ after: 30 }), []);
    t.same(await page({ after: 99 }), []);
    t.same(await page({}), upTo(20, 30).reverse());
    t.same(await page({ before: 21 }), upTo(10, 20).reverse());
    t.same(await page({ before: 4 }), [3, 2, 1]);
    t.same(await page({ before: 1 }), []);
    t.same(await page({ before: 99, limit: 2 }), [30, 29]);
    t.same(await page({ after: 5, before: 9 }), [6, 7, 8]);
    t.same(await page({ after: 0, limit: 1 }), [1]);
  });

  promise('history can leave out what is no message, and still fills its page', async (t, store, room) => {
    const events: DurableEvent[] = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? message(room, i + 1)
        : { type: 'member_kicked', event_id: newId(), room_id: room, seq: i + 1, at: AT, user: 'bob' },
    );
    await store.append([append(room, ...events)]);
    const page = (more: { after?: number; before?: number }) =>
      store.history({ room_id: room, limit: 5, messages_only: true, ...more });
    t.same(seqs(await page({ after: 0 })), [1, 3, 5, 7, 9]);
    t.same(seqs(await page({})), [19, 17, 15, 13, 11]);
    t.same(seqs(await page({ before: 5 })), [3, 1]);
  });

  promise('pages neither skip nor repeat while others write', async (t, store, room) => {
    const writers = ['a', 'b', 'c'].map((name) => `${room}-${name}`);
    const write = async (id: string): Promise<void> => {
      for (let i = 1; i <= 60; i++) await store.append([append(id, message(id, i))]);
    };
    let writing = true;
    const written = Promise.all(writers.map(write)).then(() => (writing = false));
    const seen: DurableEvent[] = [];
    for (let after: string | null = null, over = false; !over;) {
      // What was written before this page was asked for is in it, or behind it.
      const last = !writing;
      const { events, cursor, more } = await logOf(store, after, 7);
      seen.push(...events.filter(({ room_id }) => room_id.startsWith(room)));
      after = cursor;
      over = last && !more;
    }
    await written;
    for (const id of writers)
      t.same(seqs(seen.filter(({ room_id }) => room_id === id)), upTo(0, 60), 'each once, in order');
  });

  promise(
    'the log has the events of all rooms, each room’s in order, page by page',
    async (t, store, room) => {
      const [a, b] = [`${room}-a`, `${room}-b`];
      for (let i = 1; i <= 20; i++) await store.append([append(a, message(a, i)), append(b, message(b, i))]);
      const seen = await wholeLog(store, 7);
      t.same(seqs(seen.filter(({ room_id }) => room_id === a)), upTo(0, 20));
      t.same(seqs(seen.filter(({ room_id }) => room_id === b)), upTo(0, 20));
      t.equal(new Set(seen.map(({ event_id }) => event_id)).size, seen.length, 'none twice');
      t.ok(seen.every(isDurable));
    },
  );

  promise('the log goes on from a cursor or an event, whatever is forgotten', async (t, store, room) => {
    const posted = messages(room, 1, 30);
    await store.append([append(room, ...posted)]);
    const from = async (after: string | null): Promise<number[]> =>
      seqs((await logOf(store, after, 1_000)).events.filter(({ room_id }) => room_id === room));
    const whole = await logOf(store, null, 1_000_000);
    t.equal(whole.more, false);
    t.match(whole.cursor, /^\d+$/);
    t.same(await from(whole.cursor), [], 'nothing is behind the end');
    const middle = await logOf(store, posted[9]?.event_id ?? '', 5);
    t.same(seqs(middle.events), upTo(10, 15), 'behind an event');
    t.equal(middle.more, true);
    t.same(await from(middle.cursor), upTo(15, 30), 'behind a page');
    t.equal(await store.log(newId(), 5), null, 'an event that is not known');
    await store.append([{ room: record(room, 30), events: [], purge_before: 29 }]);
    while (await store.sweep());
    t.same(await from(middle.cursor), [29, 30], 'a cursor stays good when what it stood on is forgotten');
    t.same(await from(whole.cursor), []);
    t.equal(await store.log(posted[9]?.event_id ?? '', 5), null, 'an event that is forgotten');
    await store.append([append(room, message(room, 31))]);
    t.same(await from(whole.cursor), [31], 'and who had all of it gets what is new');
    const empty = await logOf(store, (await logOf(store, whole.cursor, 9)).cursor, 9);
    t.same(empty.events, []);
    t.match(empty.cursor, /^\d+$/, 'an empty page has a cursor to go on with, too');
  });

  promise('events are found by their ids in one question, of whatever type', async (t, store, room) => {
    const posted = messages(room, 1, 3);
    const kicked: DurableEvent = {
      type: 'member_kicked',
      event_id: newId(),
      room_id: room,
      seq: 4,
      at: AT,
      user: 'bob',
    };
    await store.append([append(room, ...posted, kicked)]);
    const ids = [...posted, kicked, kicked].map(({ event_id }) => event_id);
    ids.push(newId());
    const found = await store.findEvents(ids);
    const bySeq = [...found].sort((a, b) => a.seq - b.seq);
    t.same(bySeq, [...posted, kicked], 'each once');
    t.same(await store.findEvents([]), []);
  });

  promise('rooms are listed by id, each once, page by page', async (t, store, room) => {
    const ids = ['c', 'a', 'B', '9', ':'].map((end) => `${room}-${end}`);
    for (const id of ids) await store.append([append(id, message(id, 1))]);
    await store.append([append(ids[0] ?? '', message(ids[0] ?? '', 2))]);
    const seen: RoomRecord[] = [];
    for (let after: string | null = null; ;) {
      const page = await store.rooms(after, 2);
      seen.push(...page);
      const last = page.at(-1);
      if (!last) break;
      after = last.room_id;
    }
    const mine = seen.filter(({ room_id }) => room_id.startsWith(room));
    t.same(
      mine.map(({ room_id }) => room_id),
      [...ids].sort(),
    );
    t.equal(mine.find(({ room_id }) => room_id === ids[0])?.head_seq, 2);
  });

  promise('a thousand rooms in one call, and a thousand events in one append', async (t, store, room) => {
    const rooms = Array.from({ length: 1_000 }, (_, i) => `${room}-${i}`);
    const results = await store.append(rooms.map((id) => append(id, message(id, 1))));
    t.equal(results.filter((result) => result === 'committed').length, 1_000);
    t.same(await store.append([append(room, ...messages(room, 1, 1_000))]), ['committed']);
    t.equal((await store.load(room))?.head_seq, 1_000);
    t.equal(
      (await store.history({ room_id: room, after: 0, limit: 2_000, messages_only: true })).length,
      1_000,
    );
  });

  promise('it is ready once it was started, and says why when it is not', async (t, store) => {
    t.match(store.state(), { ready: true, reason: null, kind: /./ });
    await store.close();
    t.match(store.state(), { ready: false, reason: /./ });
  });
}
