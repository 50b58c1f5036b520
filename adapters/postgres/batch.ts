import type { Append } from '../../engine/ports.js';
import { columnsOf } from '../stores/columns.js';

/** The appends of one room in one statement. Each follows the one before, so together they move the room's head once. */
export interface Group {
  readonly room_id: string;
  /** The room's head before the first of them. */
  readonly prior: number;
  messages: number;
  first_seq: number;
  last: Append;
  readonly appends: Append[];
}

/** About the most events, and bytes of their texts, in one statement: they take far less time than it may have. */
const EVENTS_AT_ONCE = 8_192;
const BYTES_AT_ONCE = 8_000_000;

/**
 * Takes the longest run of appends from the beginning, at most `most`, that one statement can store, and groups them by
 * room. `count` says how many. The groups are in the order of their room ids, so that two nodes lock the same rooms in
 * the same order. There is one group for each room: an append that does not follow the one before it in the same room
 * has to wait for the next statement.
 */
export function groupsOf(appends: readonly Append[], most = Infinity): { groups: Group[]; count: number } {
  const byRoom = new Map<string, Group>();
  let [count, eventCount, bytes] = [0, 0, 0];
  for (const append of appends) {
    const { room, events, purge_before = 1 } = append;
    eventCount += events.length;
    bytes += bytesOf(append);
    if (count > 0 && (count >= most || eventCount > EVENTS_AT_ONCE || bytes > BYTES_AT_ONCE)) break;
    const prior = room.head_seq - events.length;
    const known = byRoom.get(room.room_id);
    if (known !== undefined && known.last.room.head_seq !== prior) break;
    const group = known ?? {
      room_id: room.room_id,
      prior,
      messages: 0,
      first_seq: 1,
      last: append,
      appends: [],
    };
    for (const event of events) if (event.type === 'message_posted') group.messages += 1;
    // An append cannot forget events that come after it.
    group.first_seq = Math.max(group.first_seq, Math.min(purge_before, room.head_seq + 1));
    group.last = append;
    group.appends.push(append);
    byRoom.set(room.room_id, group);
    count += 1;
  }
  const groups = [...byRoom.values()].sort((a, b) => (a.room_id < b.room_id ? -1 : 1));
  return { groups, count };
}

function bytesOf({ events }: Append): number {
  let sum = 0;
  for (const event of events) if (event.type === 'message_posted') sum += Buffer.byteLength(event.text);
  return sum;
}

/** The parameters of STORE_ROOMS_AND_EVENTS: a column each. The events are in the order of the appends. */
export function parametersOf(appends: readonly Append[], groups: readonly Group[]): unknown[][] {
  const records = groups.map(({ last }) => last.room);
  const behind = new Map(groups.map(({ room_id, messages }) => [room_id, messages]));
  const events = appends.flatMap((append) => append.events);
  const columns = events.map(columnsOf);
  const messagesBehind = events.map(({ room_id, type }) => {
    const count = (behind.get(room_id) ?? 0) - (type === 'message_posted' ? 1 : 0);
    behind.set(room_id, count);
    return count;
  });
  return [
    groups.map(({ room_id }) => room_id),
    groups.map(({ prior }) => prior),
    records.map(({ head_seq }) => head_seq),
    groups.map(({ first_seq }) => first_seq),
    groups.map(({ messages }) => messages),
    records.map(({ status }) => status),
    records.map(({ policy }) => policy && JSON.stringify(policy)),
    records.map(({ created_at }) => created_at),
    events.map(({ room_id }) => room_id),
    events.map(({ seq }) => seq),
    messagesBehind,
    events.map(({ event_id }) => event_id),
    events.map(({ type }) => type),
    events.map(({ at }) => at),
    columns.map(({ request_id }) => request_id),
    columns.map(({ user }) => user),
    columns.map(({ text }) => text),
    columns.map(({ details }) => details),
  ];
}
