import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord } from '../../engine/ports.js';
import { EVENT_COLUMNS, eventAt, ROOM_COLUMNS, roomAt, type ColumnTypes } from '../stores/columns.js';
import type { Row } from './line.js';

/** Times as ms since 1970: far cheaper to read than PostgreSQL's text, and all that we keep of them. */
const asMs = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** The columns of an event `e`, for a SELECT. */
export const EVENTS = EVENT_COLUMNS.map((name) => (name === 'at' ? asMs('e.at') : `e.${name}`)).join(', ');
/** The columns of a room `r`, for a SELECT. */
export const ROOMS = ROOM_COLUMNS.map((name) =>
  name === 'created_at' ? asMs('r.created_at') : `r.${name}`,
).join(', ');

const TYPES: ColumnTypes = {
  time: (ms) => new Date(ms as number).toISOString(),
  json: (value) => value as object | null,
};

/** The event of a row that begins with EVENTS. */
export function toEvent(row: Row): DurableEvent {
  return eventAt(row, 0, TYPES);
}

/** The record of a row of ROOMS. */
export function toRecord(row: Row): RoomRecord {
  return roomAt(row, 0, TYPES);
}
