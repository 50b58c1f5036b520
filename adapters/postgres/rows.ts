import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord } from '../../engine/ports.js';
import type { Row } from './line.js';

/** The columns of an event, in the order in which `toEvent` reads them. */
export const EVENT_COLUMNS = `e.type, e.event_id, e.room_id, e.seq, (extract(epoch FROM e.at) * 1000)::float8,
  e.request_id, e.user_name, e.text, e.details`;

/** The columns of a room, in the order in which `toRecord` reads them. */
export const ROOM_COLUMNS = `r.room_id, r.head_seq, r.status, r.policy, (extract(epoch FROM r.created_at) * 1000)::float8`;

type EventRow = [
  string,
  string,
  string,
  number,
  number,
  string | null,
  string | null,
  string | null,
  unknown,
];
type RoomRow = [string, number, RoomRecord['status'], RoomRecord['policy'], number];

/** The event of a row that begins with EVENT_COLUMNS. */
export function toEvent(row: Row): DurableEvent {
  const [type, event_id, room_id, seq, at, request_id, user, text, details] = row as EventRow;
  const event: Record<string, unknown> = { type, event_id, room_id, seq, at: new Date(at).toISOString() };
  if (request_id !== null) event.request_id = request_id;
  // Only a message may be nobody's; elsewhere no user name means that the event has no such field.
  if (user !== null || type === 'message_posted') event.user = user;
  if (text !== null) event.text = text;
  if (details !== null) Object.assign(event, details);
  return event as DurableEvent;
}

/** The record of a row of ROOM_COLUMNS. */
export function toRecord(row: Row): RoomRecord {
  const [room_id, head_seq, status, policy, created_at] = row as RoomRow;
  return { room_id, head_seq, status, policy, created_at: new Date(created_at).toISOString() };
}

/** An event's fields as its columns hold them. */
export interface EventColumns {
  readonly request_id: string | null;
  readonly user: string | null;
  readonly text: string | null;
  readonly details: string | null;
}

/** Takes apart what `toEvent` puts together: what has no column of its own is JSON in `details`. */
export function columnsOf(event: DurableEvent): EventColumns {
  const { type: _type, event_id: _id, room_id: _room, seq: _seq, at: _at, request_id, ...rest } = event;
  const fields: Record<string, unknown> = rest;
  let [user, text]: (string | null)[] = [null, null];
  let details: Record<string, unknown> | null = null;
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'user' && typeof value === 'string') user = value;
    else if (name === 'user' && event.type === 'message_posted') user = null;
    else if (name === 'text' && typeof value === 'string') text = value;
    else (details ??= {})[name] = value;
  }
  return {
    request_id: request_id ?? null,
    user: user ?? null,
    text: text ?? null,
    details: details && JSON.stringify(details),
  };
}
