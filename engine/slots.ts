/**
 * Rooms are spread over this many slots, and slots over partitions. A node asks the broker for the events of slots, not of
 * rooms, so that bindings do not grow with rooms. Part of the wire contract: every node must use the same number.
 */
export const SLOTS = 1024;

/**
 * The slot of a room: FNV-1a (32 bits, draft-eastlake-fnv) over its id, 0…1023. Room ids are ASCII, so a char
 * code is a byte, and a service in another language gets the same number from the same few lines.
 */
export function slotOf(roomId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < roomId.length; i++) {
    hash ^= roomId.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % SLOTS;
}

/** The partition that a slot's commands go to, given how many partitions there are. */
export function partitionOf(slot: number, partitions: number): number {
  return slot % partitions;
}
