import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord, Store } from '../../engine/ports.js';
import { TransferFault } from './fault.js';
import { eventLine, type RoomLine } from './format.js';

/** What an import finds of a room before it stores anything. */
export interface Found {
  /** seq up to which the store has the room; what comes after it is to be imported. */
  readonly there: number;
  /** The last event that the store and the file both have; null where there is none to compare. */
  readonly common: DurableEvent | null;
  /** Nothing is missing, so the room is left alone. */
  readonly complete: boolean;
}

/** The record of a room that is only partly imported. It is closed, so that nobody posts into it meanwhile. */
export function unfinished(room: RoomRecord, headSeq: number): RoomRecord {
  return { ...room, head_seq: headSeq, status: 'closed', policy: null };
}

/**
 * Looks for a room of the file in the store, and creates it there if it is new and does not begin at seq 1. Rejects with
 * a TransferFault if the store has a room with this id and nothing shows that it is the same one.
 */
export async function findRoom(
  store: Pick<Store, 'load' | 'history' | 'restore'>,
  { room, first_seq }: RoomLine,
): Promise<Found> {
  const known = await store.load(room.room_id);
  if (!known) {
    if (first_seq > 1 && !(await store.restore(unfinished(room, first_seq - 1))))
      throw new TransferFault(`room ${room.room_id}: the store has no place for another room`);
    return { there: first_seq - 1, common: null, complete: false };
  }
  const there = known.head_seq;
  const seq = Math.min(there, room.head_seq);
  if (seq < first_seq - 1) {
    throw elsewhere(known, `this file begins only at seq ${first_seq}`);
  }
  const common = seq < first_seq ? null : await eventAt(store, room.room_id, seq);
  const interrupted =
    known.status === 'closed' && known.policy === null && known.created_at === room.created_at;
  if (!common && !interrupted && !(there >= room.head_seq && known.created_at === room.created_at)) {
    throw elsewhere(known, 'nothing shows that it is the same room');
  }
  // A room without events is begun and finished with its record alone.
  const begun =
    first_seq > room.head_seq && interrupted && !(room.status === 'closed' && room.policy === null);
  return { there, common, complete: there > room.head_seq || (there === room.head_seq && !begun) };
}

/** Returns a fault if the store and the file disagree about this event; does not throw. */
export function difference(here: DurableEvent, inFile: DurableEvent): TransferFault | null {
  if (eventLine(here) === eventLine(inFile)) return null;
  const what =
    here.event_id === inFile.event_id
      ? `event ${here.event_id} reads otherwise`
      : `its event is ${here.event_id}, in the file ${inFile.event_id}`;
  return new TransferFault(
    `room ${here.room_id} is in the store already and is not the same: at seq ${here.seq} ${what}`,
  );
}

async function eventAt(
  store: Pick<Store, 'history'>,
  roomId: string,
  seq: number,
): Promise<DurableEvent | null> {
  const page = { room_id: roomId, after: seq - 1, before: seq + 1, limit: 1, messages_only: false };
  return (await store.history(page))[0] ?? null;
}

function elsewhere({ room_id, head_seq }: RoomRecord, why: string): TransferFault {
  return new TransferFault(
    `room ${room_id} is in the store already, up to seq ${head_seq}, and ${why}: import it into another store`,
  );
}
