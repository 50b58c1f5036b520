import type { DurableEvent } from '../../engine/messages/events.js';
import type { Policy } from '../../engine/messages/policy.js';
import type { Append, RoomRecord } from '../../engine/ports.js';

/**
 * The columns of an event, in the order in which both databases read them, and the field that each holds. Fields that
 * are not here are kept as JSON in one more column, `details`.
 */
const EVENT_FIELDS = {
  room_id: 'room_id',
  seq: 'seq',
  event_id: 'event_id',
  type: 'type',
  at: 'at',
  request_id: 'request_id',
  user_name: 'user',
  text: 'text',
} as const;

type InColumns = (typeof EVENT_FIELDS)[keyof typeof EVENT_FIELDS];

/** Fields that have no column, by type of event. A new field of an event does not compile until it is listed. */
const DETAILS: {
  readonly [E in DurableEvent as E['type']]: Readonly<Record<Exclude<keyof E, InColumns>, true>>;
} = {
  message_posted: { quiet: true },
  room_opened: { policy: true },
  policy_changed: { policy: true },
  member_kicked: { members_version: true },
  room_closed: { reason: true, purged: true, members_version: true },
};

/** As lists, since they are gone through for each event that is stored. */
const DETAIL_NAMES = new Map(Object.entries(DETAILS).map(([type, fields]) => [type, Object.keys(fields)]));

/** The names of an event's columns, in the order in which `eventAt` reads them. */
export const EVENT_COLUMNS: readonly string[] = [...Object.keys(EVENT_FIELDS), 'details'];
/** The names of a room's columns, in the order in which `roomAt` reads them. */
export const ROOM_COLUMNS = ['room_id', 'head_seq', 'status', 'policy', 'created_at'] as const;

/** The names of a revocation's columns, in the order of a RevocationRow. */
export const REVOCATION_COLUMNS = ['key', 'user_name', 'token_id', 'revoked_ms', 'until_ms'] as const;

/** The columns of an event that need more than a look at one field. */
export interface EventColumns {
  readonly request_id: string | null;
  readonly user: string | null;
  readonly text: string | null;
  readonly details: string | null;
}

/** The columns of an event as they are written; the opposite of `eventAt`. */
export function columnsOf(event: DurableEvent): EventColumns {
  return {
    request_id: event.request_id ?? null,
    user: 'user' in event ? event.user : null,
    text: 'text' in event ? event.text : null,
    details: detailsOf(event),
  };
}

function detailsOf(event: DurableEvent): string | null {
  const fields: Readonly<Record<string, unknown>> = event;
  let details: Record<string, unknown> | null = null;
  for (const name of DETAIL_NAMES.get(event.type) ?? [])
    if (fields[name] !== undefined) (details ??= {})[name] = fields[name];
  return details && JSON.stringify(details);
}

/** How a database gives back a value for which the two have no common type. */
export interface ColumnTypes {
  /** A timestamp in RFC 3339. */
  time(value: unknown): string;
  /** A column of JSON, parsed; null if there is none. */
  json(value: unknown): object | null;
}

/** The event whose values, in the order of EVENT_COLUMNS, begin at `i`. */
export function eventAt(values: readonly unknown[], i: number, types: ColumnTypes): DurableEvent {
  const [type, request_id, user, text] = [values[i + 3], values[i + 5], values[i + 6], values[i + 7]];
  const event: Record<string, unknown> = {
    type,
    event_id: values[i + 2],
    room_id: values[i],
    seq: values[i + 1],
    at: types.time(values[i + 4]),
  };
  if (request_id !== null) event.request_id = request_id;
  // A message may have no user, which is null. Events of other types then have no such field.
  if (user !== null || type === 'message_posted') event.user = user;
  if (text !== null) event.text = text;
  const details = types.json(values[i + 8]);
  if (details !== null) Object.assign(event, details);
  return event as DurableEvent;
}

/** The room whose values, in the order of ROOM_COLUMNS, begin at `i`. */
export function roomAt(values: readonly unknown[], i: number, types: ColumnTypes): RoomRecord {
  return {
    room_id: values[i] as string,
    head_seq: values[i + 1] as number,
    status: values[i + 2] as RoomRecord['status'],
    policy: types.json(values[i + 3]) as Policy | null,
    created_at: types.time(values[i + 4]),
  };
}

/**
 * Whether both databases give a text back unchanged. SQLite ends a text at a NUL, and PostgreSQL refuses it (manual, 8.3);
 * half of a surrogate pair has no UTF-8 form (RFC 3629 section 3).
 */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/**
 * Whether all texts of an append can be stored unchanged. Parlor lets no others in; one that came in another way must
 * not fail the commit that it shares. (`details` and the policy are JSON, which escapes both.)
 */
export function isStorable({ room, events }: Append): boolean {
  return (
    isStorableText(room.room_id) &&
    events.every(
      (event) =>
        isStorableText(event.event_id) &&
        isStorableText(event.request_id ?? '') &&
        (!('user' in event) || isStorableText(event.user ?? '')) &&
        (!('text' in event) || isStorableText(event.text)),
    )
  );
}
