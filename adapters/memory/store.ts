import { newId } from '../../engine/ids.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { Append, AppendResult, RetentionBounds, RoomRecord, Store } from '../../engine/ports.js';
import { inOrder } from '../stores/in-order.js';
import { createById } from './by-id.js';
import { createRevocations } from './revocations.js';
import { createSortedIds } from './sorted-ids.js';

export interface MemoryStoreOptions {
  /** Events kept per room; older ones are forgotten, their ids too. */
  readonly eventsPerRoom: number;
  /** Events kept in all rooms together; beyond it, the oldest are forgotten, whichever room they are of. */
  readonly eventsInAll: number;
  /** Rooms kept. Beyond it new rooms are refused, since the seq that a room has reached must never be forgotten. */
  readonly rooms: number;
}

interface Logged {
  readonly event: DurableEvent;
  readonly position: number;
  forgotten: boolean;
}

/** Events that one call of `retain` forgets at most. */
const STEP = 1_000;
/**
 * Beyond `eventsInAll`, this part of it is forgotten as well: many events of a room at a time cost little more than one,
 * because those behind them are moved.
 */
const TRIM_SHARE = 0.001;
/** The same for a room beyond `eventsPerRoom`. Not more: forgetting 25,000 events blocks the event loop for 13 to 20 ms. */
const ROOM_TRIM_SHARE = 0.01;

interface Kept {
  record: RoomRecord;
  /** Ascending by seq, without a gap. */
  events: Logged[];
}

function newKept(record: RoomRecord): Kept {
  return { record, events: [] };
}

function areDistinct(events: readonly DurableEvent[]): boolean {
  return events.length < 2 || new Set(events.map(({ event_id }) => event_id)).size === events.length;
}

/**
 * Keeps rooms and events until the process ends, within its bounds. The reference for all stores: they pass the same
 * conformance suite.
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const rooms = new Map<string, Kept>();
  /** The ids of `rooms`. */
  const ids = createSortedIds();
  const byId = createById<Logged>();
  /** In the order of commits. Forgotten events are removed later, many at a time. */
  let log: Logged[] = [];
  /** What is in front of this in `log` is forgotten. */
  let oldest = 0;
  let position = 0;
  let ready = false;
  const id = newId();

  function append({ room, events, purge_before }: Append): AppendResult {
    const known = rooms.get(room.room_id);
    if (!known && rooms.size >= options.rooms) return 'failed';
    const kept = known ?? newKept({ ...room, head_seq: 0 });
    if (kept.record.head_seq !== room.head_seq - events.length) return 'fenced';
    if (events.some(({ event_id }) => byId.has(event_id)) || !areDistinct(events)) return 'duplicate';
    kept.record = room;
    for (const event of events) {
      const logged = { event, position: ++position, forgotten: false };
      kept.events.push(logged);
      byId.add(event.event_id, logged);
      log.push(logged);
    }
    if (purge_before !== undefined)
      forget(
        kept,
        kept.events.findIndex(({ event }) => event.seq >= purge_before),
      );
    if (kept.events.length > options.eventsPerRoom * (1 + ROOM_TRIM_SHARE))
      forget(kept, kept.events.length - options.eventsPerRoom);
    if (!known) keep(kept);
    return 'committed';
  }

  function keep(kept: Kept): void {
    rooms.set(kept.record.room_id, kept);
    ids.add(kept.record.room_id);
  }

  function forget(kept: Kept, count: number): void {
    const cut = count < 0 ? kept.events.length : count;
    for (const logged of kept.events.splice(0, cut)) {
      logged.forgotten = true;
      byId.delete(logged.event.event_id);
    }
  }

  /** How many of a room's oldest events fall outside the bounds. */
  function excess({ events }: Kept, { max_messages, not_before, up_to = 0 }: RetentionBounds): number {
    const beyond = events.findIndex(({ event }) => event.seq > up_to);
    let first = beyond < 0 ? events.length : beyond;
    if (not_before !== null) {
      // One more than is forgotten at a time: the next call looks at those behind them.
      const old = events.slice(0, STEP + 1).findLastIndex(({ event }) => Date.parse(event.at) < not_before);
      first = Math.max(first, old + 1);
    }
    if (max_messages !== null) {
      let wanted = max_messages;
      let oldest = events.length;
      while (wanted > 0 && oldest > 0) if (events[--oldest]?.event.type === 'message_posted') wanted--;
      first = Math.max(first, oldest);
    }
    return first;
  }

  function trim(): void {
    const { eventsInAll } = options;
    if (byId.size > eventsInAll) trimTo(eventsInAll - Math.floor(eventsInAll * TRIM_SHARE));
    if (log.length <= 2 * byId.size + 1024) return;
    log = log.filter(({ forgotten }) => !forgotten);
    oldest = 0;
  }

  function trimTo(count: number): void {
    const byRoom = new Map<string, number>();
    for (let over = byId.size - count; over > 0; oldest++) {
      const logged = log[oldest];
      if (logged === undefined) break;
      if (logged.forgotten) continue;
      const { room_id } = logged.event;
      byRoom.set(room_id, (byRoom.get(room_id) ?? 0) + 1);
      over--;
    }
    for (const [room_id, number] of byRoom) {
      const kept = rooms.get(room_id);
      if (kept) forget(kept, number);
    }
  }

  return {
    start() {
      ready = true;
      return Promise.resolve();
    },
    identity: () => ({ id, durable: false, shared: false }),
    append(appends) {
      const results = inOrder(appends, ({ room }) => room.room_id, append);
      trim();
      return Promise.resolve(results);
    },
    load: (roomId) => Promise.resolve(rooms.get(roomId)?.record ?? null),
    history({ room_id, after, before, limit, messages_only }) {
      const events = rooms.get(room_id)?.events ?? [];
      const first = events[0]?.event.seq ?? 1;
      const wanted = (event: DurableEvent): boolean => !messages_only || event.type === 'message_posted';
      const page: DurableEvent[] = [];
      if (after !== undefined) {
        for (let i = Math.max(0, after + 1 - first); i < events.length && page.length < limit; i++) {
          const event = events[i]?.event;
          if (event && (before === undefined || event.seq < before) && wanted(event)) page.push(event);
        }
        return Promise.resolve(page);
      }
      const from = before === undefined ? events.length - 1 : Math.min(events.length, before - first) - 1;
      for (let i = from; i >= 0 && page.length < limit; i--) {
        const event = events[i]?.event;
        if (event && wanted(event)) page.push(event);
      }
      return Promise.resolve(page);
    },
    log(after, limit) {
      const from = after === null || /^\d+$/.test(after) ? Number(after) : byId.get(after)?.position;
      if (from === undefined) return Promise.resolve(null);
      const found: Logged[] = [];
      // One more than the limit, to find out whether there is more.
      for (let i = firstAfter(log, from); i < log.length && found.length <= limit; i++) {
        const logged = log[i];
        if (logged && !logged.forgotten) found.push(logged);
      }
      const page = found.slice(0, limit);
      const last = page.at(-1)?.position ?? from;
      return Promise.resolve({
        events: page.map(({ event }) => event),
        cursor: last === 0 ? null : String(last),
        more: found.length > limit,
      });
    },
    findEvents(ids) {
      return Promise.resolve([...new Set(ids)].flatMap((id) => byId.get(id)?.event ?? []));
    },
    findEvent: (eventId) => Promise.resolve(byId.get(eventId)?.event ?? null),
    rooms(after, limit) {
      return Promise.resolve(ids.page(after, limit).flatMap((id) => rooms.get(id)?.record ?? []));
    },
    restore(record) {
      const fits = !rooms.has(record.room_id) && rooms.size < options.rooms;
      if (fits) keep(newKept(record));
      return Promise.resolve(fits);
    },
    retain(roomId, bounds) {
      const kept = rooms.get(roomId);
      if (!kept) return Promise.resolve(false);
      const over = excess(kept, bounds);
      forget(kept, Math.min(STEP, over));
      return Promise.resolve(over > STEP);
    },
    sweep: () => Promise.resolve(false),
    ...createRevocations(),
    state: () => ({ kind: 'memory', ready, reason: ready ? null : 'not started' }),
    close() {
      ready = false;
      return Promise.resolve();
    },
  };
}

/** The index of the first entry whose position is greater. */
function firstAfter(log: readonly Logged[], position: number): number {
  let [low, high] = [0, log.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle]?.position ?? Infinity) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
