import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import type { Store } from '../../engine/ports.js';
import type { ExportCommand, ImportCommand } from '../command-line.js';
import { exportRooms, type ExportTally } from './export.js';
import { ReaderGone, TransferFault, faultText } from './fault.js';
import { importRooms, type ImportTally } from './import.js';
import { createProgress, type Progress, type Terminal } from './progress.js';

export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Terminal;
}

/** What a shell reports for a program that SIGPIPE ended (128 + 13), such as `cat`. */
const READER_GONE = 141;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

class Interrupted extends Error {
  constructor(readonly code: number) {
    super('interrupted');
  }
}

/**
 * Carries out `parlor export` or `parlor import` on a store that is not started yet, and closes it. Only the export
 * itself goes to standard output. A summary line, and on a terminal the progress, go to standard error.
 *
 * Resolves with the exit code: 0; 1 if it failed, with one line that says why; 130 or 143 if SIGINT or SIGTERM ended it;
 * 141 if the reader of an export closed the pipe. A second signal ends the process at once.
 */
export async function runTransfer(
  command: ExportCommand | ImportCommand,
  store: Store,
  streams: Streams = process,
): Promise<number> {
  const stopping = new AbortController();
  const listeners = Object.entries(SIGNALS).map(([signal, code]) => {
    const stop = (): void => stopping.abort(new Interrupted(code));
    process.once(signal, stop);
    return () => process.off(signal, stop);
  });
  const say = (text: string): void => void streams.stderr.write(`${text}\n`);
  try {
    await store.start();
    const done =
      command.command === 'export'
        ? await runExport(command, store, streams, stopping.signal)
        : await runImport(command, store, streams, stopping.signal);
    say(done);
    return 0;
  } catch (cause) {
    if (cause instanceof ReaderGone) return READER_GONE;
    say(`parlor: ${faultText(cause)}`);
    const { reason } = stopping.signal as { reason: unknown };
    return reason instanceof Interrupted ? reason.code : 1;
  } finally {
    for (const forget of listeners) forget();
    await store.close();
  }
}

async function runExport(
  command: ExportCommand,
  store: Store,
  { stdout, stderr }: Streams,
  signal: AbortSignal,
): Promise<string> {
  // If the terminal shows the export, a bar would appear between its lines.
  const progress = createProgress(stdout.isTTY === true ? stdout : stderr, 'Exporting');
  const words = ({ rooms, events }: ExportTally): string =>
    `${count(rooms, 'room')}, ${count(events, 'event')}`;
  const report = (tally: ExportTally): void => progress.update(tally.events, tally.total, words(tally));
  const tally = await shown(progress, () =>
    exportRooms({ store, rooms: command.rooms, out: stdout, report, signal }),
  );
  return `exported ${words(tally)}`;
}

async function runImport(
  command: ImportCommand,
  store: Store,
  { stdin, stderr }: Streams,
  signal: AbortSignal,
): Promise<string> {
  const { file } = command;
  if (file === null && stdin.isTTY === true)
    throw new TransferFault('import from where? Name a file, or pipe one in: parlor import < rooms.jsonl');
  const total = file === null ? null : await sizeOf(file);
  const input = file === null ? stdin : createReadStream(file);
  const progress = createProgress(stderr, 'Importing');
  const words = ({ rooms, events, known }: ImportTally): string =>
    `${count(rooms, 'room')}, ${count(events, 'event')}` +
    (known > 0 ? `; ${count(known, 'room')} already there` : '');
  let last: ImportTally = { rooms: 0, events: 0, known: 0, bytes: 0 };
  const report = (tally: ImportTally): void => {
    last = tally;
    progress.update(tally.bytes, total, words(tally));
  };
  try {
    await shown(progress, () => importRooms({ store, input, report, signal }));
  } catch (cause) {
    const begun = last.events > 0 || last.rooms > 0;
    const rest = begun ? `; ${words(last)} are in the store: import the whole of it again to go on` : '';
    throw new TransferFault(`${file ?? 'standard input'}: ${faultText(cause)}${rest}`, { cause });
  }
  return `imported ${words(last)}`;
}

async function shown<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    progress.stop();
  }
}

/** Bytes of a file; null if it is not a regular file (a pipe, a device). */
async function sizeOf(file: string): Promise<number | null> {
  try {
    const about = await stat(file);
    return about.isFile() ? about.size : null;
  } catch (cause) {
    throw new TransferFault(`cannot read ${file}: ${faultText(cause)}`, { cause });
  }
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
