import { addAbortSignal, type Readable } from 'node:stream';
import type { Store } from '../../engine/ports.js';
import { LineFault, TransferFault } from './fault.js';
import { parseLine, type CompleteLine, type Line } from './format.js';
import { beginRoom, type RoomImport, type RoomStore } from './import-room.js';
import { readLines, type TextLine } from './lines.js';
import { takeRevocations } from './revocations.js';
import { createWriter, type WriterStore } from './writer.js';

/** How far an import has come. */
export interface ImportTally {
  /** Rooms whose import has been completed. */
  readonly rooms: number;
  /** Events stored. */
  readonly events: number;
  /** Rooms that were complete before. */
  readonly known: number;
  /** Revocations that were stored: not those that are over, or were in force before. */
  readonly revocations: number;
  /** Bytes of the input that have been processed. */
  readonly bytes: number;
}

export interface ImportOptions {
  readonly store: RoomStore & WriterStore & Pick<Store, 'revoke' | 'revocations'>;
  readonly input: Readable;
  /** Called every few hundred lines and at the end, also after an error. */
  readonly report: (tally: ImportTally) => void;
  /** Aborting it ends the import between two lines, with the signal's reason. */
  readonly signal: AbortSignal;
}

const REPORT_LINES = 250;

/**
 * Imports rooms from the lines of format.ts. What is stored stays, whatever comes after it. Another import of the same
 * file continues where this one ended.
 *
 * Rejects with a TransferFault of one line that names the line of the input, or the room and seq.
 */
export async function importRooms({ store, input, report, signal }: ImportOptions): Promise<ImportTally> {
  const writer = createWriter(store);
  const takeRevocation = takeRevocations(store);
  let [known, revocations, bytes] = [0, 0, 0];
  const tally = (): ImportTally => ({ ...writer.stored, known, revocations, bytes });
  let room: RoomImport | null = null;
  /** Rooms and revocations since the last `complete`. */
  let seen = { rooms: 0, revocations: 0 };
  let complete = false;
  let lastLine = 0;

  async function take(line: Line, { number, text }: TextLine): Promise<void> {
    complete = false;
    if (line.type === 'room') {
      if (room) throw new LineFault(`room ${line.room.room_id} begins, but ${room.roomId} has not ended`);
      room = await beginRoom(store, writer, line);
      return;
    }
    if (line.type === 'complete') {
      if (room) throw new LineFault(`the export is over, but room ${room.roomId} has not ended`);
      requireAll(line, seen);
      seen = { rooms: 0, revocations: 0 };
      complete = true;
      return;
    }
    if (line.type === 'revocation') {
      if (room) throw new LineFault(`a revocation, but room ${room.roomId} has not ended`);
      const { type: _, ...revocation } = line;
      if (await takeRevocation(revocation)) revocations++;
      seen.revocations++;
      return;
    }
    if (!room) throw new LineFault(`${line.type}: no room has begun; is the beginning of the file missing?`);
    if (line.type !== 'end') {
      await room.event(line, number, text.length);
      return;
    }
    await room.end(line);
    if (room.complete) known++;
    room = null;
    seen.rooms++;
  }

  try {
    for await (const line of readLines(addAbortSignal(signal, input))) {
      signal.throwIfAborted();
      lastLine = line.number;
      await located(line.number, () => take(parseLine(line.text), line));
      bytes = line.bytesRead;
      if (line.number % REPORT_LINES === 0) report(tally());
    }
    if (!complete) throw cutOff(lastLine, room);
    await writer.flush();
    return tally();
  } catch (cause) {
    // Rooms that were complete before the error are still imported.
    await writer.flush();
    signal.throwIfAborted();
    throw cause;
  } finally {
    report(tally());
  }
}

function requireAll(
  line: CompleteLine,
  seen: { readonly rooms: number; readonly revocations: number },
): void {
  const { rooms, revocations = 0 } = line;
  if (rooms !== seen.rooms)
    throw new LineFault(`the export had ${rooms} rooms, and here are ${seen.rooms}: lines are missing`);
  if (revocations !== seen.revocations)
    throw new LineFault(
      `the export had ${revocations} revocations, and here are ${seen.revocations}: lines are missing`,
    );
}

async function located(lineNumber: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof LineFault)) throw cause;
    throw new TransferFault(`line ${lineNumber}: ${cause.message}`, { cause });
  }
}

function cutOff(lastLine: number, room: RoomImport | null): TransferFault {
  if (lastLine === 0) return new TransferFault('there is nothing in it; an export has one line at least');
  const where = room ? `in the middle of room ${room.roomId}, before seq ${room.next}` : 'between two rooms';
  return new TransferFault(`it ends after line ${lastLine}, ${where}: it was cut off`);
}
