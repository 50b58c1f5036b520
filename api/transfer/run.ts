import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import type { Store } from '../../engine/ports.js';
import type { ExportCommand, ImportCommand } from '../command-line.js';
import { exportRooms, type ExportTally } from './export.js';
import { ReaderGone, TransferFault, faultText } from './fault.js';
import { importRooms, type ImportTally } from './import.js';
import { lastingRevocations } from './revocations.js';
import { createProgress, NO_PROGRESS, type Progress, type Terminal } from './progress.js';

/** What runTransfer uses of `process`. Tests pass streams of their own. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Terminal;
}

/** 128 + SIGPIPE (13): the exit status of a program whose reader closed the pipe. */
const READER_GONE = 141;
/** 128 + signal number, as shells report it. */
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
 * Resolves with the exit code, and never rejects: 0; 1 if it failed or the store could not be closed, with one line that
 * says why; 130 or 143 if it failed after SIGINT or SIGTERM; 141 if the reader of an export closed the pipe. The first
 * signal asks it to stop. A second one, or one that comes while the store is being closed, ends the process at once.
 */
export async function runTransfer(
  command: ExportCommand | ImportCommand,
  store: Store,
  streams: Streams = process,
): Promise<number> {
  const say = (text: string): void => void streams.stderr.write(`${text}\n`);
  const code = await transfer(command, store, streams, say);
  // What was transferred is stored or written by now, so a signal may end the process while this takes its time. A store
  // whose start failed is closed, too, as it may have opened something.
  try {
    await store.close();
    return code;
  } catch (cause) {
    say(`parlor: cannot close the store: ${faultText(cause)}`);
    return code === 0 ? 1 : code;
  }
}

/** The transfer, without closing the store. Resolves with the exit code. */
async function transfer(
  command: ExportCommand | ImportCommand,
  store: Store,
  streams: Streams,
  say: (text: string) => void,
): Promise<number> {
  const { signal, release } = abortOnSignal();
  try {
    await store.start();
    const summary =
      command.command === 'export'
        ? await runExport(command, store, streams, signal)
        : await runImport(command, store, streams, signal);
    say(summary);
    return 0;
  } catch (cause) {
    if (cause instanceof ReaderGone) return READER_GONE;
    say(`parlor: ${faultText(cause)}`);
    const { reason } = signal as { reason: unknown };
    return reason instanceof Interrupted ? reason.code : 1;
  } finally {
    release();
  }
}

/** Is aborted by the first SIGINT or SIGTERM. From then on, and after `release`, both signals end the process again. */
function abortOnSignal(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const listeners = Object.entries(SIGNALS).map(([signal, code]) => {
    const listener = (): void => {
      release();
      controller.abort(new Interrupted(code));
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  const release = (): void => {
    for (const remove of listeners) remove();
  };
  return { signal: controller.signal, release };
}

async function runExport(
  command: ExportCommand,
  store: Store,
  { stdout, stderr }: Streams,
  signal: AbortSignal,
): Promise<string> {
  // No bar if the terminal shows the export: it would appear between the export's lines.
  const progress = stdout.isTTY === true ? NO_PROGRESS : createProgress(stderr, 'Exporting');
  // They are the whole server's, and so not in the export of single rooms.
  const revocations = command.rooms === 'all' ? await lastingRevocations(store, Date.now()) : [];
  const describe = ({ rooms, events }: ExportTally): string =>
    `${count(rooms, 'room')}, ${count(events, 'event')}${revoked(revocations.length)}`;
  const report = (tally: ExportTally): void => progress.update(tally.events, tally.total, describe(tally));
  const tally = await withProgress(progress, () =>
    exportRooms({ store, rooms: command.rooms, revocations, out: stdout, report, signal }),
  );
  return `exported ${describe(tally)}`;
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
  // `rooms` are those that this import completed. `known` ones were complete before and are not among them.
  const describe = ({ rooms, events, known, revocations }: ImportTally): string =>
    `${count(rooms, 'room')}, ${count(events, 'event')}${revoked(revocations)}` +
    (known > 0 ? `; ${count(known, 'room')} already there` : '');
  let latest: ImportTally = { rooms: 0, events: 0, known: 0, revocations: 0, bytes: 0 };
  const report = (tally: ImportTally): void => {
    latest = tally;
    // Bytes: the number of events in the file is not known.
    progress.update(tally.bytes, total, describe(tally));
  };
  try {
    const tally = await withProgress(progress, () => importRooms({ store, input, report, signal }));
    return `imported ${describe(tally)}`;
  } catch (cause) {
    throw new TransferFault(`${file ?? 'standard input'}: ${faultText(cause)}${progressMade(latest)}`, {
      cause,
    });
  }
}

/**
 * What an import that failed has left in the store; empty if that is nothing. Importing the file again is safe also if a
 * room is there by half: it is continued after its last stored event. Until then it is closed, so nobody posts into it.
 */
function progressMade({ rooms, events, revocations }: ImportTally): string {
  // Rooms that were there before do not count: this import has not changed them.
  if (rooms === 0 && events === 0 && revocations === 0) return '';
  const stored = `${count(rooms, 'room')}, ${count(events, 'event')}${revoked(revocations)}`;
  return `; imported so far: ${stored}. Import the whole file again to continue`;
}

async function withProgress<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    progress.stop();
  }
}

/**
 * Bytes of a file; null if it is not a regular file (a pipe, a device). Throws a TransferFault if the file cannot be
 * looked up.
 */
async function sizeOf(file: string): Promise<number | null> {
  try {
    const about = await stat(file);
    return about.isFile() ? about.size : null;
  } catch (cause) {
    throw new TransferFault(`cannot read ${file}: ${faultText(cause)}`, { cause });
  }
}

/** Nearly all exports have none. */
function revoked(n: number): string {
  return n === 0 ? '' : `, ${count(n, 'revocation')}`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
