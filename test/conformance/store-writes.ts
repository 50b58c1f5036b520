import { newId } from '../../engine/ids.js';
import type { DurableEvent, MessagePosted } from '../../engine/messages/events.js';
import { BARE } from '../../engine/room/presets.js';
import { append, AT, message, messages, record, seqs, upTo, type Promised } from './store-fixture.js';

/** What is promised of `append`, and of what it leaves. */
export function promiseWrites(promise: Promised): void {
  promise('a room that was never written is not there, and has no history', async (t, store, room) => {
    t.equal(await store.load(room), null);
    t.same(await store.history({ room_id: room, limit: 10, messages_only: false }), []);
    t.same(await store.history({ room_id: room, after: 0, limit: 10, messages_only: false }), []);
    t.same(await store.findEvents([newId(), newId()]), []);
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
    t.same(await store.findEvents([posted.event_id]), [posted]);
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

  promise(
    'what follows a fenced append of its room in the same call is fenced, too, even where its seq fits by now',
    async (t, store, room) => {
      await store.append([append(room, ...messages(room, 1, 2))]);
      const decided = [message(room, 3), message(room, 4), message(room, 5), message(room, 6)];
      const another = messages(room, 3, 3);
      t.same(await store.append([append(room, ...another)]), ['committed']);
      const other = `${room}-b`;
      const results = await store.append([
        ...decided.slice(0, 2).map((event) => append(room, event)),
        append(other, message(other, 1)),
        ...decided.slice(2).map((event) => append(room, event)),
      ]);
      t.same(results, ['fenced', 'fenced', 'committed', 'fenced', 'fenced']);
      t.same(await store.load(room), record(room, 5));
      for (const { event_id } of decided) t.equal(await store.findEvent(event_id), null);
      const gap = await store.append([6, 8, 7].map((seq) => append(room, message(room, seq))));
      t.same(gap, ['committed', 'fenced', 'fenced'], 'and behind one that does not fit the one before it');
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
      t.same(await store.findEvents([first.event_id]), [first]);
      t.equal((await store.load(elsewhere))?.head_seq ?? 0, 0);
    },
  );

  promise('an id that an append has twice is a duplicate, too', async (t, store, room) => {
    const first = message(room, 1);
    t.same(await store.append([append(room, first, { ...first, seq: 2 })]), ['duplicate']);
    t.equal(await store.findEvent(first.event_id), null);
    t.same(await store.append([append(room, first)]), ['committed']);
  });

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

  promise(
    'a call may hold many rooms and all kinds of events, and one of them that fails fails alone',
    async (t, store, room) => {
      const rooms = Array.from({ length: 150 }, (_, i) => `${room}-${i}`);
      const kick = (room_id: string, seq: number): DurableEvent => ({
        type: 'member_kicked',
        event_id: newId(),
        room_id,
        seq,
        at: AT,
        user: 'bob',
      });
      const first = rooms.map((id) => append(id, message(id, 1), kick(id, 2), message(id, 3)));
      t.same(await store.append(first), Array(150).fill('committed'));
      const second = rooms.map((id, i) => append(id, i === 100 ? message(id, 5) : message(id, 4)));
      const results = await store.append(second);
      t.equal(results[100], 'fenced');
      t.same(results.toSpliced(100, 1), Array(149).fill('committed'));
      const stored = [...first, ...second.toSpliced(100, 1)].flatMap(({ events }) => events);
      const behind = await store.log(stored[0]?.event_id ?? null, 1_000);
      t.same(behind?.events, stored.slice(1), 'in their order');
      for (const [i, id] of rooms.entries())
        if ((await store.load(id))?.head_seq !== (i === 100 ? 3 : 4)) t.fail(`the head of ${id}`);
    },
  );

  promise('a room is put back with the count of its seqs, once', async (t, store, room) => {
    const closed = record(room, 41, { status: 'closed', policy: BARE });
    t.equal(await store.restore(closed), true);
    t.same(await store.load(room), closed);
    t.equal(await store.restore(record(room, 7)), false, 'it is known now');
    t.same(await store.load(room), closed);
    t.same(await store.append([append(room, message(room, 41))]), ['fenced']);
    t.same(await store.append([append(room, message(room, 42))]), ['committed']);
    t.same(seqs(await store.history({ room_id: room, after: 0, limit: 9, messages_only: false })), [42]);
    t.same(seqs(await store.history({ room_id: room, limit: 9, messages_only: true })), [42]);
  });
}
