import { firstWhere } from './binary-search.js';

interface OfRoom {
  readonly roomId: string;
}

/** Up to this many are a sorted list, which takes 8 bytes for each. A Map takes 36, but adding to it copies nothing. */
const FEW = 1_024;

/**
 * Things by the id of their room, at most one of each, in few bytes. It is made and read with the functions here. Those that
 * change it use up the list they are given, and return another.
 */
export type RoomList<T extends OfRoom> = readonly T[] | Map<string, T>;

/** Shared by all that are empty. */
export const NO_ROOMS: readonly never[] = [];

export function roomCountOf(list: RoomList<OfRoom>): number {
  return list instanceof Map ? list.size : list.length;
}

export function ofRoom<T extends OfRoom>(list: RoomList<T>, roomId: string): T | undefined {
  if (list instanceof Map) return list.get(roomId);
  const one = list[placeOf(list, roomId)];
  return one?.roomId === roomId ? one : undefined;
}

/** All as they are now, in any order. */
export function allRooms<T extends OfRoom>(list: RoomList<T>): readonly T[] {
  return list instanceof Map ? [...list.values()] : list;
}

/** `one`: of a room that is not in the list. */
export function withRoom<T extends OfRoom>(list: RoomList<T>, one: T): RoomList<T> {
  if (list instanceof Map) return list.set(one.roomId, one);
  // Just as long as it has to be: `push` would make room for more.
  if (list.length < FEW) return list.toSpliced(placeOf(list, one.roomId), 0, one);
  return withRoom(new Map(list.map((other) => [other.roomId, other])), one);
}

/** Harmless if it is not in the list. */
export function withoutRoom<T extends OfRoom>(list: RoomList<T>, one: T): RoomList<T> {
  if (ofRoom(list, one.roomId) !== one) return list;
  if (!(list instanceof Map)) return list.toSpliced(placeOf(list, one.roomId), 1);
  list.delete(one.roomId);
  return list;
}

/** The place of a room in a sorted list, or the one that it would have. */
function placeOf(list: readonly OfRoom[], roomId: string): number {
  return firstWhere(list.length, (i) => (list[i]?.roomId ?? '') >= roomId);
}
