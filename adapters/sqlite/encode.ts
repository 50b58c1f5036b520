import type { DurableEvent } from '../../engine/messages/events.js';
import type { Policy } from '../../engine/messages/policy.js';
import type { Append, RoomRecord } from '../../engine/ports.js';
import { columnsOf, isStorableText } from '../stores/columns.js';
import type { Value } from './protocol.js';

/** The number of values of an append before those of its events, in the order of `partsOf`. */
const PART = 7;
/** The number of values of an event. Its room and seq follow from its append. */
export const EVENT = 7;

/** One append as the writer's thread reads it. */
export interface Part {
  readonly roomId: string;
  readonly head: number;
  readonly status: string;
  readonly policy: string | null;
  readonly createdAt: string;
  readonly purgeBefore: number | null;
  readonly count: number;
  /** Whether SQLite keeps all of its texts as they are. */
  readonly storable: boolean;
  /** Where its first event begins in the flat array. */
  readonly start: number;
}

const texts = new WeakMap<Policy, string>();

/** A policy as JSON. A room keeps one policy object for long, so it is not serialized again for every append. */
function policyText(policy: Policy | null): string | null {
  if (policy === null) return null;
  const known = texts.get(policy);
  if (known !== undefined) return known;
  const text = JSON.stringify(policy);
  texts.set(policy, text);
  return text;
}

/**
 * All appends as one array of plain values. Posting it to a thread costs less than half of posting the objects, whose
 * property names are copied with each of them.
 */
export function flatten(appends: readonly Append[]): Value[] {
  const flat: Value[] = [];
  for (const { room, events, purge_before } of appends) {
    const { room_id, head_seq, status, policy, created_at } = room;
    flat.push(room_id, head_seq, status, policyText(policy), created_at, purge_before ?? null, events.length);
    for (const event of events) pushEvent(flat, event);
  }
  return flat;
}

function pushEvent(flat: Value[], event: DurableEvent): void {
  const { request_id, user, text, details } = columnsOf(event);
  flat.push(event.event_id, event.type, event.at, request_id, user, text, details);
}

/** Whether SQLite gives a value back as it was. Throws for what must not be bound: libsql ends the process for a boolean. */
function isStorable(value: Value): boolean {
  if (typeof value === 'string') return isStorableText(value);
  if (value !== null && typeof value !== 'number')
    throw new TypeError(`an append holds a ${typeof value}, which cannot be stored`);
  return true;
}

/** The appends of a flat array. Throws if it holds a value that must not be bound. */
export function partsOf(flat: readonly Value[]): Part[] {
  const parts: Part[] = [];
  for (let i = 0; i < flat.length;) {
    const count = flat[i + 6] as number;
    const end = i + PART + count * EVENT;
    let storable = true;
    for (let k = i; k < end; k++) storable = isStorable(flat[k] as Value) && storable;
    parts.push({
      roomId: flat[i] as string,
      head: flat[i + 1] as number,
      status: flat[i + 2] as string,
      policy: flat[i + 3] as string | null,
      createdAt: flat[i + 4] as string,
      purgeBefore: flat[i + 5] as number | null,
      count,
      storable,
      start: i + PART,
    });
    i = end;
  }
  return parts;
}

/** A room's record as `restore` posts it. */
export function flattenRecord(record: RoomRecord): Value[] {
  return [record.room_id, record.head_seq, record.status, policyText(record.policy), record.created_at];
}
