import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord, Store } from '../../engine/ports.js';
import { LineFault, TransferFault } from './fault.js';
import type { EndLine, RoomLine } from './format.js';
import { difference, findRoom, unfinished } from './known-room.js';

export type ImportStore = Pick<Store, 'append' | 'load' | 'history' | 'findEvent' | 'restore' | 'state'>;

/** One room on its way into the store. What rejects, does so with a TransferFault of one line. */
export interface RoomImport {
  readonly roomId: string;
  /** seq of the next event in the file. */
  readonly next: number;
  /** Events stored by this import. */
  readonly stored: number;
  /** The store has all of it already: it is only compared. */
  readonly complete: boolean;
  /** `lineNumber` and `size` (characters) are those of its line. Stores a batch when one is full. */
  event(event: DurableEvent, lineNumber: number, size: number): Promise<void>;
  /** Stores the rest, and the room's record with its own status and policy. */
  end(line: EndLine): Promise<void>;
}

interface Batched {
  readonly event: DurableEvent;
  readonly lineNumber: number;
}

const BATCH_EVENTS = 500;
const BATCH_CHARACTERS = 262_144;

/**
 * Begins with a room, or goes on with it. Until its last event is stored it is closed, whatever its record says, so
 * that nobody posts into half a room; the last batch brings its own status and policy.
 *
 * A room that is there already is gone on with where the event at its head is the same as in the file, and left
 * alone where nothing is missing; anything else is a TransferFault.
 */
export async function beginRoom(store: ImportStore, begin: RoomLine): Promise<RoomImport> {
  const { room, first_seq } = begin;
  const { room_id, head_seq } = room;
  if (first_seq > head_seq + 1)
    throw new LineFault(`room ${room_id}: first_seq ${first_seq} is beyond its end, seq ${head_seq}`);
  const { there, common, complete } = await findRoom(store, begin);
  let next = first_seq;
  let stored = 0;
  let batch: Batched[] = [];
  let characters = 0;

  async function commit(record: RoomRecord): Promise<void> {
    const events = batch.map(({ event }) => event);
    const [result] = await store.append([{ room: record, events }]);
    if (result !== 'committed') throw await explain(store, result ?? 'failed', room_id, batch);
    stored += events.length;
    batch = [];
    characters = 0;
  }

  return {
    roomId: room_id,
    get next() {
      return next;
    },
    get stored() {
      return stored;
    },
    complete,
    async event(event, lineNumber, size) {
      requireNext(event, room, next);
      next++;
      const fault = event.seq === common?.seq ? difference(common, event) : null;
      if (fault) throw fault;
      if (event.seq <= there) return;
      // Not when it has become full: the last batch is for `end` to store, with the room's own record.
      const full = batch.length >= BATCH_EVENTS || characters + size > BATCH_CHARACTERS;
      if (full && batch.length > 0) await commit(unfinished(room, event.seq - 1));
      batch.push({ event, lineNumber });
      characters += size;
    },
    async end(line) {
      if (line.room_id !== room_id)
        throw new LineFault(`this is the end of room ${line.room_id}, in the middle of room ${room_id}`);
      const events = head_seq - first_seq + 1;
      if (next !== head_seq + 1 || line.head_seq !== head_seq || line.events !== events)
        throw new LineFault(
          `room ${room_id} has ${events} events up to seq ${head_seq}, and it ends after seq ${next - 1}: ` +
            'lines are missing',
        );
      if (!complete) await commit(room);
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

/** Why the store did not take a batch. */
async function explain(
  store: ImportStore,
  result: 'fenced' | 'duplicate' | 'failed',
  roomId: string,
  batch: readonly Batched[],
): Promise<TransferFault> {
  if (result === 'fenced')
    return new TransferFault(`room ${roomId}: somebody else has written it since this import began with it`);
  if (result === 'failed') {
    const reason = store.state().reason ?? 'its log says why';
    return new TransferFault(`room ${roomId}: the store could not take its events: ${reason}`);
  }
  const lines = new Map<string, number>();
  for (const { event, lineNumber } of batch) {
    const before = lines.get(event.event_id);
    if (before !== undefined)
      return new TransferFault(
        `line ${lineNumber}: event ${event.event_id} of room ${roomId} was in line ${before} already`,
      );
    lines.set(event.event_id, lineNumber);
    const other = await store.findEvent(event.event_id);
    if (other)
      return new TransferFault(
        `line ${lineNumber}: event ${event.event_id} of room ${roomId} is in the store already, ` +
          `in room ${other.room_id} at seq ${other.seq}`,
      );
  }
  return new TransferFault(`room ${roomId}: the id of one of its events is in the store already`);
}
