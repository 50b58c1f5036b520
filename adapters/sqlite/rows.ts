import type { DurableEvent, MessagePosted } from '../../engine/messages/events.js';
import type { Policy } from '../../engine/messages/policy.js';
import type { RoomRecord } from '../../engine/ports.js';
import type { Value } from './protocol.js';

/** The columns of an event as they are read, in the order of `eventsOf`. */
export const EVENT_COLUMNS = [
  'room_id',
  'seq',
  'event_id',
  'type',
  'at',
  'request_id',
  'user_name',
  'text',
  'details',
] as const;

/** The columns of a room as they are read, in the order of `roomsOf`. */
export const ROOM_COLUMNS = ['room_id', 'head_seq', 'status', 'policy', 'created_at'] as const;

/** The fields of a message that have a column. */
type InColumns = 'type' | 'event_id' | 'room_id' | 'seq' | 'at' | 'request_id' | 'user' | 'text';
/** Those that have not. A new field of a message does not compile until it is written to the details. */
type InDetails = Exclude<keyof MessagePosted, InColumns>;

/** An event's fields that have no column, as JSON, or null: most events have none. */
export function detailsOf(event: DurableEvent): string | null {
  switch (event.type) {
    case 'message_posted': {
      if (event.quiet === undefined) return null;
      const details: Record<InDetails, unknown> = { quiet: event.quiet };
      return JSON.stringify(details);
    }
    case 'member_kicked': {
      const { members_version } = event;
      return members_version === undefined ? null : JSON.stringify({ members_version });
    }
    case 'room_opened':
    case 'policy_changed':
      return JSON.stringify({ policy: event.policy });
    case 'room_closed':
      return JSON.stringify({
        reason: event.reason,
        purged: event.purged,
        members_version: event.members_version,
      });
  }
}

/** Events from their rows, one after the other in one array: far cheaper to post than an array of arrays. */
export function eventsOf(flat: readonly Value[]): DurableEvent[] {
  const events: DurableEvent[] = [];
  for (let i = 0; i < flat.length; i += EVENT_COLUMNS.length) events.push(eventAt(flat, i));
  return events;
}

function eventAt(flat: readonly Value[], i: number): DurableEvent {
  const [request_id, user, text, details] = [flat[i + 5], flat[i + 6], flat[i + 7], flat[i + 8]];
  const event: Record<string, unknown> = {
    type: flat[i + 3],
    event_id: flat[i + 2],
    room_id: flat[i],
    seq: flat[i + 1],
    at: flat[i + 4],
  };
  if (request_id !== null) event.request_id = request_id;
  if (event.type === 'message_posted') {
    event.user = user;
    event.text = text;
  } else if (user !== null) event.user = user;
  if (typeof details === 'string') Object.assign(event, JSON.parse(details));
  return event as DurableEvent;
}

/** Rooms from their rows, one after the other in one array. */
export function roomsOf(flat: readonly Value[]): RoomRecord[] {
  const rooms: RoomRecord[] = [];
  for (let i = 0; i < flat.length; i += ROOM_COLUMNS.length) {
    const policy = flat[i + 3];
    rooms.push({
      room_id: flat[i] as string,
      head_seq: flat[i + 1] as number,
      status: flat[i + 2] as RoomRecord['status'],
      policy: typeof policy === 'string' ? (JSON.parse(policy) as Policy) : null,
      created_at: flat[i + 4] as string,
    });
  }
  return rooms;
}
