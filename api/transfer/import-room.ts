import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord, Store } from '../../engine/ports.js';
import { LineFault } from './fault.js';
import type { EndLine, RoomLine } from './format.js';
import { difference, findRoom, unfinished } from './known-room.js';
import { FULL, type Writer } from './writer.js';

export type RoomStore = Pick<Store, 'load' | 'history' | 'restore'>;

/** One room on its way into the store. Its methods reject with a TransferFault of one line. */
export interface RoomImport {
  readonly roomId: string;
  /** seq of the next event in the file. */
  readonly next: number;
  /** The store has all of it already, so it is only compared. */
  readonly complete: boolean;
  /** `lineNumber` and `size` (characters) are those of the event's line. Passes full batches to the writer. */
  event(event: DurableEvent, lineNumber: number, size: number): Promise<void>;
  /** Passes on the rest, with the room's own status and policy. */
  end(line: EndLine): Promise<void>;
}

/**
 * Begins or continues the import of a room. Until its last event is stored the room is closed, whatever its record says,
 * so that nobody posts into half a room. The last batch sets its own status and policy.
 *
 * An existing room is continued if the event at its head is the same as in the file, and left alone if nothing is
 * missing; anything else is a TransferFault.
 */
export async function beginRoom(store: RoomStore, writer: Writer, begin: RoomLine): Promise<RoomImport> {
  const { room, first_seq } = begin;
  const { room_id, head_seq } = room;
  if (first_seq > head_seq + 1)
    throw new LineFault(`room ${room_id}: first_seq ${first_seq} is beyond its end, seq ${head_seq}`);
  if (writer.holds(room_id)) await writer.flush();
  const { there, common, complete } = await findRoom(store, begin);
  let next = first_seq;
  let events: DurableEvent[] = [];
  let lines: number[] = [];
  let size = 0;

  async function passOn(record: RoomRecord, last: boolean): Promise<void> {
    const batch = { room: record, events, lines, size, last };
    [events, lines, size] = [[], [], 0];
    await writer.put(batch);
  }

  return {
    roomId: room_id,
    get next() {
      return next;
    },
    complete,
    async event(event, lineNumber, characters) {
      requireNext(event, room, next);
      next++;
      const fault = event.seq === common?.seq ? difference(common, event) : null;
      if (fault) throw fault;
      if (event.seq <= there) return;
      // Before this event and not after it: `end` needs a last batch, to store the room's own record with it.
      const full = events.length >= FULL.events || size + characters > FULL.characters;
      if (full && events.length > 0) await passOn(unfinished(room, event.seq - 1), false);
      events.push(event);
      lines.push(lineNumber);
      size += characters;
    },
    async end(line) {
      if (line.room_id !== room_id)
        throw new LineFault(`this is the end of room ${line.room_id}, in the middle of room ${room_id}`);
      const count = head_seq - first_seq + 1;
      if (next !== head_seq + 1 || line.head_seq !== head_seq || line.events !== count)
        throw new LineFault(
          `room ${room_id} has ${count} events up to seq ${head_seq}, and it ends after seq ${next - 1}: ` +
            'lines are missing',
        );
      if (!complete) await passOn(room, true);
    },
  };
}

function requireNext(event: DurableEvent, { room_id, head_seq }: RoomRecord, next: number): void {
  if (event.room_id !== room_id)
    throw new LineFault(`this event is of room ${event.room_id}, in the middle of room ${room_id}`);
  if (next > head_seq)
    throw new LineFault(
      `room ${room_id} ends at seq ${head_seq}, and this is one more event, seq ${event.seq}`,
    );
  if (event.seq !== next)
    throw new LineFault(`room ${room_id}: seq ${next} comes next, and this is seq ${event.seq}`);
}
