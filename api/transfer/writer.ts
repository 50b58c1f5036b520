import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord, Store } from '../../engine/ports.js';
import { TransferFault } from './fault.js';

/** Some events of one room that follow one another, and the record that stands after them. */
export interface Batch {
  readonly room: RoomRecord;
  readonly events: readonly DurableEvent[];
  /** The number of each event's line. */
  readonly lines: readonly number[];
  /** Characters of its lines. */
  readonly size: number;
  /** The last one of its room. */
  readonly last: boolean;
}

export type WriterStore = Pick<Store, 'append' | 'findEvent' | 'state'>;

/** Stores batches in the order given. Those of small rooms share a commit, which costs the same for one as for many. */
export interface Writer {
  /** What has been stored: rooms with their last batch, and events. */
  readonly stored: { readonly rooms: number; readonly events: number };
  /** Whether a batch of this room is waiting. */
  holds(roomId: string): boolean;
  /** Adds a batch, and flushes if enough is waiting. Rejects as `flush` does. */
  put(batch: Batch): Promise<void>;
  /** Stores what is waiting. Rejects with a TransferFault naming the room and line if the store refuses a batch. */
  flush(): Promise<void>;
}

/** The largest batch, and how much may wait. */
export const FULL = { events: 500, characters: 262_144 };

export function createWriter(store: WriterStore): Writer {
  const stored = { rooms: 0, events: 0 };
  let waiting: Batch[] = [];
  let [count, size] = [0, 0];

  async function flush(): Promise<void> {
    const batches = waiting;
    [waiting, count, size] = [[], 0, 0];
    if (batches.length === 0) return;
    const results = await store.append(batches.map(({ room, events }) => ({ room, events })));
    let refused: (() => Promise<TransferFault>) | null = null;
    for (const [i, batch] of batches.entries()) {
      const result = results[i] ?? 'failed';
      if (result !== 'committed') refused ??= () => explain(store, result, batch);
      else {
        stored.events += batch.events.length;
        if (batch.last) stored.rooms++;
      }
    }
    if (refused) throw await refused();
  }

  return {
    stored,
    holds: (roomId) => waiting.some(({ room }) => room.room_id === roomId),
    async put(batch) {
      waiting.push(batch);
      // A room's record counts too, so that rooms without events are stored as well.
      count += batch.events.length + 1;
      size += batch.size;
      if (count >= FULL.events || size >= FULL.characters) await flush();
    },
    flush,
  };
}

/** Why the store did not take a batch. */
async function explain(
  store: WriterStore,
  result: 'fenced' | 'duplicate' | 'failed',
  { room: { room_id }, events, lines }: Batch,
): Promise<TransferFault> {
  if (result === 'fenced')
    return new TransferFault(`room ${room_id}: somebody else has written it since this import began with it`);
  if (result === 'failed') {
    const reason = store.state().reason ?? 'its log says why';
    return new TransferFault(`room ${room_id}: the store could not take it: ${reason}`);
  }
  const seen = new Map<string, number>();
  for (const [i, { event_id }] of events.entries()) {
    const what = `line ${lines[i]}: event ${event_id} of room ${room_id}`;
    const before = seen.get(event_id);
    if (before !== undefined) return new TransferFault(`${what} was in line ${before} already`);
    seen.set(event_id, lines[i] ?? 0);
    const other = await store.findEvent(event_id);
    if (other)
      return new TransferFault(
        `${what} is in the store already, in room ${other.room_id} at seq ${other.seq}`,
      );
  }
  return new TransferFault(`room ${room_id}: the id of one of its events is in the store already`);
}
