import t, { type Test } from 'tap';
import { newId } from '../../engine/ids.js';
import { isDurable, type DurableEvent, type MessagePosted } from '../../engine/messages/events.js';
import type { Append, RoomRecord, Store } from '../../engine/ports.js';
import { BARE } from '../../engine/room/presets.js';

export interface StoreUnderTest {
  readonly store: Store;
  close(): Promise<void>;
}

const AT = '2024-01-01T00:00:00.000Z';

export function message(room_id: string, seq: number, text = `${seq}`, event_id = newId()): MessagePosted {
  return { type: 'message_posted', event_id, room_id, seq, at: AT, user: 'ann', text };
}

export function record(room_id: string, head_seq: number, more: Partial<RoomRecord> = {}): RoomRecord {
  return { room_id, head_seq, status: 'open', policy: null, created_at: AT, ...more };
}

/** An append of events that follow one another. */
export function append(room_id: string, ...events: DurableEvent[]): Append {
  return { room: record(room_id, events.at(-1)?.seq ?? 0), events };
}

/** `count` messages of a room, from the given seq on. */
export function messages(room_id: string, from: number, count: number): MessagePosted[] {
  return Array.from({ length: count }, (_, i) => message(room_id, from + i));
}

function seqs(events: readonly DurableEvent[]): number[] {
  return events.map(({ seq }) => seq);
}

function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

type Promised = (what: string, test: (t: Test, store: Store, room: string) => Promise<void>) => void;

/** All that the Store port promises, stated on a store that `make` has made and not yet started. */
export function storeConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  const promise: Promised = (what, test) => {
    t.test(`${name}: ${what}`, async (t) => {
      const made = await make();
      const { store } = made;
      t.teardown(() => made.close());
      await store.start();
      // Rooms of one test are its own, also in a store that is shared.
      await test(t, store, `r-${newId()}`);
    });
  };
  promiseWrites(promise);
  promiseReads(promise);
}

/** What is promised of `append`, and of what it leaves. */
function promiseWrites(promise: Promised): void {
  promise('a room that was never written is not there, and has no history', async (t, store, room) => {
    t.equal(await store.load(room), null);
    t.same(await store.history({ room_id: room, limit: 10, messages_only: false }), []);
    t.same(await store.history({ room_id: room, after: 0, limit: 10, messages_only: false }), []);
    t.same(await store.findMessages([newId(), newId()]), []);
    t.equal(await store.findEvent(newId()), null);
  });

  promise('what was committed is read by every later call, whole and unchanged', async (t, store, room) => {
    const text = 'ä😀漢 "quoted" \\ \n <b>';
    const posted: MessagePosted = { ...message(room, 1, text), request_id: 'req-1', quiet: true };
    const events: DurableEvent[] = [
      posted,
      { ...message(room, 2), user: null },
      {
        type: 'room_opened',
        event_id: newId(),
        room_id: room,
        seq: 3,
        at: AT,
        policy: { ...BARE, capacity: null },
      },
      { type: 'policy_changed', event_id: newId(), room_id: room, seq: 4, at: AT, policy: BARE },
      { type: 'member_kicked', event_id: newId(), room_id: room, seq: 5, at: AT, user: 'bob' },
      {
        type: 'room_closed',
        event_id: newId(),
        room_id: room,
        seq: 6,
        at: AT,
        reason: 'deleted',
        purged: false,
      },
    ];
    const closed = record(room, 6, { status: 'closed', policy: { ...BARE, capacity: 7 } });
    t.same(await store.append([{ room: closed, events }]), ['committed']);
    t.same(await store.load(room), closed);
    t.same(await store.history({ room_id: room, after: 0, limit: 10, messages_only: false }), events);
    for (const event of events) t.same(await store.findEvent(event.event_id), event);
    t.same(await store.findMessages([posted.event_id]), [posted]);
  });

  promise(
    'a record without events is kept: a room that was only opened, or only changed',
    async (t, store, room) => {
      t.same(await store.append([{ room: record(room, 0), events: [] }]), ['committed']);
      t.same(await store.load(room), record(room, 0));
      const changed = record(room, 0, { status: 'empty', policy: BARE });
      t.same(await store.append([{ room: changed, events: [] }]), ['committed']);
      t.same(await store.load(room), changed);
    },
  );

  promise(
    'the appends of one call are made in order: each stands on the one before',
    async (t, store, room) => {
      const other = `${room}-other`;
      const results = await store.append([
        append(room, message(room, 1), message(room, 2)),
        append(other, message(other, 1)),
        append(room, message(room, 3)),
      ]);
      t.same(results, ['committed', 'committed', 'committed']);
      t.equal((await store.load(room))?.head_seq, 3);
      t.equal((await store.load(other))?.head_seq, 1);
    },
  );

  promise(
    'appends told one after the other, without waiting, are made in that order',
    async (t, store, room) => {
      const calls = Array.from({ length: 50 }, (_, i) => store.append([append(room, message(room, i + 1))]));
      t.ok((await Promise.all(calls)).every(([result]) => result === 'committed'));
      t.same(
        seqs(await store.history({ room_id: room, after: 0, limit: 100, messages_only: false })),
        upTo(0, 50),
      );
    },
  );

  promise(
    'a seq belongs to the first who wrote it: the other one is fenced and leaves no trace',
    async (t, store, room) => {
      await store.append([append(room, ...messages(room, 1, 3))]);
      const [late, gap] = [message(room, 3), message(room, 5)];
      t.same(await store.append([append(room, late)]), ['fenced']);
      t.same(await store.append([append(room, gap)]), ['fenced'], 'a gap is none of its either');
      t.same(
        await store.append([{ room: record(room, 2, { status: 'closed' }), events: [] }]),
        ['fenced'],
        'nor may a record go back',
      );
      t.same(await store.load(room), record(room, 3));
      t.equal(await store.findEvent(late.event_id), null);
      t.equal(await store.findEvent(gap.event_id), null);
    },
  );

  promise('of many who write the same seq at once, one is committed', async (t, store, room) => {
    const rivals = Array.from({ length: 20 }, () => message(room, 1));
    const results = (await Promise.all(rivals.map((one) => store.append([append(room, one)])))).flat();
    t.equal(results.filter((result) => result === 'committed').length, 1);
    t.equal(results.filter((result) => result === 'fenced').length, 19);
    const [kept] = await store.history({ room_id: room, after: 0, limit: 10, messages_only: false });
    t.equal(kept?.event_id, rivals[results.indexOf('committed')]?.event_id);
  });

  promise(
    'a message id is known once, in whatever room, and a second one is a duplicate',
    async (t, store, room) => {
      const first = message(room, 1);
      await store.append([append(room, first)]);
      const again = { ...first, seq: 2, text: 'other' };
      t.same(await store.append([append(room, again)]), ['duplicate']);
      const elsewhere = `${room}-other`;
      t.same(await store.append([append(elsewhere, { ...first, room_id: elsewhere })]), ['duplicate']);
      t.same(await store.load(room), record(room, 1));
      t.same(await store.findMessages([first.event_id]), [first]);
      t.equal((await store.load(elsewhere))?.head_seq ?? 0, 0);
    },
  );

  promise(
    'an append is whole or not at all, and costs the others of its call nothing',
    async (t, store, room) => {
      const [other, third] = [`${room}-b`, `${room}-c`];
      const known = message(room, 1);
      await store.append([append(room, known)]);
      const fine = message(room, 2);
      const results = await store.append([
        append(other, message(other, 1)),
        append(room, fine, { ...known, seq: 3 }),
        append(third, message(third, 1)),
        append(other, message(other, 2)),
      ]);
      t.same(results, ['committed', 'duplicate', 'committed', 'committed']);
      t.equal(await store.findEvent(fine.event_id), null);
      t.equal((await store.load(room))?.head_seq, 1);
      t.equal((await store.load(other))?.head_seq, 2);
      t.equal((await store.load(third))?.head_seq, 1);
    },
  );
}

/** What is promised of everything that reads. */
function promiseReads(promise: Promised): void {
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

  promise(
    'a purge forgets what is older, keeps the count of seqs, and the room goes on',
    async (t, store, room) => {
      const old = messages(room, 1, 5);
      await store.append([append(room, ...old)]);
      const closed: DurableEvent = {
        type: 'room_closed',
        event_id: newId(),
        room_id: room,
        seq: 6,
        at: AT,
        reason: 'deleted',
        purged: true,
      };
      t.same(
        await store.append([
          { room: record(room, 6, { status: 'closed' }), events: [closed], purge_before: 6 },
        ]),
        ['committed'],
      );
      t.same(await store.history({ room_id: room, after: 0, limit: 10, messages_only: false }), [closed]);
      t.same(await store.findMessages(old.map(({ event_id }) => event_id)), []);
      for (const { event_id } of old) t.equal(await store.findEvent(event_id), null);
      t.equal((await store.load(room))?.head_seq, 6);
      t.same(await store.append([append(room, message(room, 7))]), ['committed']);
      t.same(seqs(await store.history({ room_id: room, after: 0, limit: 10, messages_only: false })), [6, 7]);
      t.same(
        await store.append([{ room: record(room, 7), events: [], purge_before: 7 }]),
        ['committed'],
        'also without a new event',
      );
      t.same(seqs(await store.history({ room_id: room, limit: 10, messages_only: false })), [7]);
    },
  );

  promise(
    'the log has the events of all rooms, each room’s in order, page by page',
    async (t, store, room) => {
      const [a, b] = [`${room}-a`, `${room}-b`];
      for (let i = 1; i <= 20; i++) await store.append([append(a, message(a, i)), append(b, message(b, i))]);
      const seen: DurableEvent[] = [];
      for (let after: string | null = null; ;) {
        const page = await store.log(after, 7);
        t.ok(page.length <= 7);
        seen.push(...page);
        const last = page.at(-1);
        if (!last) break;
        after = last.event_id;
      }
      t.same(seqs(seen.filter(({ room_id }) => room_id === a)), upTo(0, 20));
      t.same(seqs(seen.filter(({ room_id }) => room_id === b)), upTo(0, 20));
      t.equal(new Set(seen.map(({ event_id }) => event_id)).size, seen.length, 'none twice');
      t.ok(seen.every(isDurable));
    },
  );

  promise('several messages are found in one question, and only messages', async (t, store, room) => {
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
    const ids = [...posted.map(({ event_id }) => event_id), newId(), kicked.event_id];
    const found = await store.findMessages(ids);
    t.same(found.map(({ event_id }) => event_id).sort(), posted.map(({ event_id }) => event_id).sort());
    t.same(await store.findMessages([]), []);
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
