import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord } from '../../engine/ports.js';
import { EVENT_COLUMNS, eventAt, ROOM_COLUMNS, roomAt, type ColumnTypes } from '../stores/columns.js';
import type { Value } from './protocol.js';

const TYPES: ColumnTypes = {
  time: (text) => text as string,
  json: (text) => (typeof text === 'string' ? (JSON.parse(text) as object) : null),
};

/** Events from their rows, which follow each other in one array: it is far cheaper to post than an array of arrays. */
export function eventsOf(flat: readonly Value[]): DurableEvent[] {
  const events: DurableEvent[] = [];
  for (let i = 0; i < flat.length; i += EVENT_COLUMNS.length) events.push(eventAt(flat, i, TYPES));
  return events;
}

/** Rooms from their rows, which follow each other in one array. */
export function roomsOf(flat: readonly Value[]): RoomRecord[] {
  const rooms: RoomRecord[] = [];
  for (let i = 0; i < flat.length; i += ROOM_COLUMNS.length) rooms.push(roomAt(flat, i, TYPES));
  return rooms;
}
