import { newId } from '../../engine/ids.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { RetentionBounds, Store } from '../../engine/ports.js';
import { append, AT, message, messages, record, seqs, upTo, type Promised } from './store-fixture.js';

async function retainAll(store: Store, room: string, bounds: RetentionBounds): Promise<void> {
  for (let steps = 0; await store.retain(room, bounds); steps++)
    if (steps > 1_000) throw new Error('there is always more to forget');
}

/** What is promised of purges and retention. */
export function promiseForgetting(promise: Promised): void {
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
      t.same(await store.findEvents(old.map(({ event_id }) => event_id)), []);
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

  promise('an id may be used again once its event is forgotten', async (t, store, room) => {
    const first = message(room, 1);
    await store.append([append(room, first, message(room, 2))]);
    t.same(await store.append([{ room: record(room, 2), events: [], purge_before: 2 }]), ['committed']);
    t.same(await store.findEvents([first.event_id]), []);
    const again = message(`${room}-other`, 1, 'other', first.event_id);
    t.same(await store.append([append(`${room}-other`, again)]), ['committed']);
    t.same(await store.findEvents([first.event_id]), [again]);
    t.same(seqs(await store.history({ room_id: room, after: 0, limit: 9, messages_only: false })), [2]);
  });

  promise(
    'retention keeps the newest messages and every fact among them; seq goes on',
    async (t, store, room) => {
      const kick = (seq: number): DurableEvent => ({
        type: 'member_kicked',
        event_id: newId(),
        room_id: room,
        seq,
        at: AT,
        user: 'bob',
      });
      const events = Array.from({ length: 60 }, (_, i) => (i % 3 === 1 ? kick(i + 1) : message(room, i + 1)));
      await store.append([append(room, ...events)]);
      await retainAll(store, room, { max_messages: 10, not_before: null });
      const left = await store.history({ room_id: room, after: 0, limit: 100, messages_only: false });
      t.same(seqs(left), upTo(45, 60), 'ten messages, and the five facts between them');
      t.equal(await store.findEvent(events[44]?.event_id ?? ''), null);
      t.same(await store.findEvents([events[42]?.event_id ?? '']), []);
      t.same(
        seqs(await store.history({ room_id: room, before: 48, limit: 9, messages_only: false })),
        [47, 46],
      );
      await retainAll(store, room, { max_messages: 100, not_before: null });
      t.equal((await store.history({ room_id: room, limit: 100, messages_only: false })).length, 15);
      while (await store.sweep());
      t.equal((await store.load(room))?.head_seq, 60);
      t.same(await store.append([append(room, message(room, 61))]), ['committed']);
      t.same(
        seqs(await store.history({ room_id: room, after: 0, limit: 100, messages_only: false })),
        upTo(45, 61),
      );
    },
  );

  promise(
    'retention by age forgets what is older, and what stands in front of it',
    async (t, store, room) => {
      const at = (second: number): string => new Date(Date.UTC(2024, 0, 1, 0, 0, second)).toISOString();
      const ages = [1, 2, 3, 10, 4, 11, 12];
      await store.append([append(room, ...ages.map((age, i) => ({ ...message(room, i + 1), at: at(age) })))]);
      await retainAll(store, room, { max_messages: null, not_before: Date.parse(at(5)) });
      const page = { room_id: room, after: 0, limit: 100, messages_only: true };
      t.same(
        seqs(await store.history(page)),
        [6, 7],
        'an event whose clock was ahead is as old as the one behind it',
      );
      await retainAll(store, room, { max_messages: 6, not_before: Date.parse(at(12)) });
      t.same(seqs(await store.history(page)), [7]);
      await retainAll(store, room, { max_messages: null, not_before: Date.parse(at(60)) });
      t.same(seqs(await store.history(page)), [], 'also all of it');
      await store.sweep();
      t.same(await store.append([append(room, message(room, 8))]), ['committed']);
      t.same(seqs(await store.history(page)), [8]);
      t.equal(await store.retain(`${room}-unknown`, { max_messages: 1, not_before: null }), false);
    },
  );

  promise('retention forgets up to a seq, whatever the dates say', async (t, store, room) => {
    const at = '2099-01-01T00:00:00.000Z';
    const dated = messages(room, 1, 2_500).map((event) => ({ ...event, at }));
    for (let from = 0; from < dated.length; from += 500)
      await store.append([{ room: record(room, from + 500), events: dated.slice(from, from + 500) }]);
    const age = { max_messages: null, not_before: Date.parse(AT) };
    await retainAll(store, room, age);
    const page = { room_id: room, after: 0, limit: 1, messages_only: true };
    t.same(seqs(await store.history(page)), [1], 'none of them is old by its date');
    await retainAll(store, room, { ...age, up_to: 2_300 });
    t.same(seqs(await store.history(page)), [2_301]);
    await retainAll(store, room, { ...age, up_to: 7 });
    t.same(seqs(await store.history(page)), [2_301], 'what is forgotten stays forgotten');
    await retainAll(store, room, { ...age, up_to: 2_500 });
    t.same(await store.history(page), []);
    t.same(await store.append([append(room, message(room, 2_501))]), ['committed']);
    t.same(seqs(await store.history(page)), [2_501]);
  });

  promise('much is forgotten in many small steps, and freed', async (t, store, room) => {
    for (let from = 1; from < 5_000; from += 1_000)
      await store.append([append(room, ...messages(room, from, 1_000))]);
    t.equal(await store.retain(room, { max_messages: 3, not_before: null }), true, 'not all at once');
    await retainAll(store, room, { max_messages: 3, not_before: null });
    let sweeps = 0;
    while (await store.sweep()) if (++sweeps > 1_000) throw new Error('there is always more to sweep');
    const left = await store.history({ room_id: room, after: 0, limit: 100, messages_only: false });
    t.same(seqs(left), [4_998, 4_999, 5_000]);
  });
}
