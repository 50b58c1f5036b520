import type { Writable } from 'node:stream';
import type { Revocation } from '../../engine/access/revocation.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { RoomRecord, Store } from '../../engine/ports.js';
import { TransferFault } from './fault.js';
import { completeLine, endLine, eventLine, revocationLine, roomLine } from './format.js';
import { sinkTo } from './sink.js';

/** How far an export has come. */
export interface ExportTally {
  readonly rooms: number;
  readonly events: number;
  /** Events that there will be in all, as far as is known. */
  readonly total: number;
}

export interface ExportOptions {
  readonly store: Pick<Store, 'load' | 'history' | 'rooms'>;
  readonly rooms: readonly string[] | 'all';
  /** Written before the rooms; left out: none. */
  readonly revocations?: readonly Revocation[];
  readonly out: Writable;
  /** Called whenever something has been written. */
  readonly report: (tally: ExportTally) => void;
  /** Aborting it ends the export between two pieces, with the signal's reason. */
  readonly signal: AbortSignal;
}

interface Piece {
  readonly text: string;
  readonly events: number;
}

const PAGE = 500;

/**
 * Events of a room that are read before its first line is written. Until then, retention may remove the beginning while
 * the export runs, and the export begins later. Once `first_seq` is written it can no longer change.
 */
const HELD_EVENTS = 10_000;
const HELD_CHARACTERS = 8_000_000;

/**
 * Writes rooms as the lines of format.ts, each as it was when its turn came. Later posts are left out. Reads at most
 * HELD_EVENTS ahead of what `out` has taken. `out` is left open.
 *
 * Rejects with a TransferFault of one line. If a named room does not exist, nothing is written.
 */
export async function exportRooms({
  store,
  rooms,
  revocations = [],
  out,
  report,
  signal,
}: ExportOptions): Promise<ExportTally> {
  const sink = sinkTo(out, signal);
  const tally = { rooms: 0, events: 0, total: 0 };
  for await (const room of recordsOf(store, rooms)) tally.total += room.head_seq;
  const tell = (): void => {
    tally.total = Math.max(tally.total, tally.events);
    report({ ...tally });
  };
  tell();
  for (const one of revocations) await sink(revocationLine(one));
  for await (const listed of recordsOf(store, rooms)) {
    // The list is read in pages, so its record may be out of date.
    const room = (await store.load(listed.room_id)) ?? listed;
    const before = tally.events;
    for await (const piece of piecesOf(store, room)) {
      await sink(piece.text);
      tally.events += piece.events;
      tell();
    }
    tally.total -= listed.head_seq - (tally.events - before);
    tally.rooms++;
    tell();
  }
  await sink(completeLine(tally.rooms, revocations.length));
  return { ...tally };
}

/** The records of the rooms, page by page. */
async function* recordsOf(
  store: ExportOptions['store'],
  rooms: ExportOptions['rooms'],
): AsyncGenerator<RoomRecord, void, void> {
  if (rooms !== 'all') {
    for (const id of rooms) {
      const room = await store.load(id);
      if (!room) throw new TransferFault(`there is no room ${id} in this store`);
      yield room;
    }
    return;
  }
  for (let after: string | null = null; ;) {
    const page: RoomRecord[] = await store.rooms(after, PAGE);
    for (const room of page) yield room;
    const last = page.at(-1);
    if (!last) return;
    after = last.room_id;
  }
}

/** The lines of one room, in pieces. */
async function* piecesOf(store: ExportOptions['store'], room: RoomRecord): AsyncGenerator<Piece, void, void> {
  const { room_id, head_seq } = room;
  let held: Piece[] | null = [];
  let heldCharacters = 0;
  let first = 1;
  for (let next = 1; next <= head_seq;) {
    const page: DurableEvent[] = await store.history({
      room_id,
      after: next - 1,
      before: head_seq + 1,
      limit: PAGE,
      messages_only: false,
    });
    const from = page[0]?.seq ?? head_seq + 1;
    if (from !== next) {
      if (next > first) await requireForgotten(store, room_id, next, from);
      if (!held) throw forgotten(room_id, next, from - 1);
      held = [];
      heldCharacters = 0;
      first = from;
    }
    requireNoGap(room_id, page);
    next = from + page.length;
    const piece = { text: page.map(eventLine).join(''), events: page.length };
    heldCharacters += piece.text.length;
    if (held && next - first <= HELD_EVENTS && heldCharacters <= HELD_CHARACTERS) {
      held.push(piece);
      continue;
    }
    if (held) yield* [begin(room, first), ...held];
    held = null;
    yield piece;
  }
  if (held) yield* [begin(room, first), ...held];
  yield { text: endLine(room, head_seq - first + 1), events: 0 };
}

function begin(room: RoomRecord, firstSeq: number): Piece {
  return { text: roomLine(room, firstSeq), events: 0 };
}

/** Events missing between two pages were forgotten if no older ones exist; otherwise the store is damaged. */
async function requireForgotten(
  store: ExportOptions['store'],
  roomId: string,
  next: number,
  from: number,
): Promise<void> {
  const oldest = await store.history({ room_id: roomId, after: 0, limit: 1, messages_only: false });
  if ((oldest[0]?.seq ?? from) < next) throw damaged(roomId, next);
}

function requireNoGap(roomId: string, page: readonly DurableEvent[]): void {
  const from = page[0]?.seq ?? 0;
  page.forEach(({ seq }, i) => {
    if (seq !== from + i) throw damaged(roomId, from + i);
  });
}

function damaged(roomId: string, seq: number): TransferFault {
  return new TransferFault(
    `room ${roomId}: the store has no event with seq ${seq}, though older ones are there: it is damaged`,
  );
}

function forgotten(roomId: string, from: number, to: number): TransferFault {
  return new TransferFault(
    `room ${roomId}: its events ${from} to ${to} were forgotten (retention or a purge) while it was exported; ` +
      'export it again',
  );
}
