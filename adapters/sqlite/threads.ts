import type { Clock, Log } from '../../engine/ports.js';
import type { Health } from '../stores/health.js';
import { faultOf, meaningOf } from './faults.js';
import { CallFailed, createLane, NoAnswer, type Lane, type LaneOptions } from './lane.js';
import { InUse, lockDatabase, type Lock } from './lock.js';
import { placeOf } from './place.js';
import type { ReaderCalls, WriterCalls } from './protocol.js';
import { watchWal } from './wal-watch.js';

/**
 * What a store may do with its file. `own`: everything, and a second owner is refused. `read`: only read, also while
 * another process owns it. `write`: everything if no other process owns it, otherwise everything that the owner does not
 * have to do alone (see `open.ts`).
 */
export type Access = 'own' | 'read' | 'write';

export interface ThreadsOptions {
  readonly path: string;
  readonly timeoutMs: number;
  readonly access: Access;
  readonly log: Log;
  readonly clock: Clock;
  readonly health: Health;
}

/** The two threads of a database, one that writes and one that reads. Both are started again when they end. */
export interface Threads {
  /** Locks the file and starts the threads; resolves with the id of the database. Rejects with an Error of one line. */
  start(): Promise<string>;
  /** The writer. Throws while nothing can be written: to be refused at once is better than waiting for a full disk. */
  writer(): Lane<WriterCalls>;
  /** The reader. Throws before the start. */
  reader(): Lane<ReaderCalls>;
  /** The reader, once it is decided what became of every append. Rejects if that takes too long. */
  settledReader(): Promise<Lane<ReaderCalls>>;
  /** For a call that failed: throws an Error of one line for an operator, and tells the health what it means. */
  fail(cause: unknown): never;
  /** Starts a thread that has ended, then writes something small. Rejects if that is not possible. */
  probe(): Promise<void>;
  /** Ends both, after what was called before. */
  close(): Promise<void>;
}

type Role = 'writer' | 'reader';

/** Larger files are not checked as a whole at start: this much took 0.25 s out of the cache, 4 s off a cold disk. */
const CHECK_BYTES = 256 * 1024 * 1024;
/** A thread that ends this often within this time (ms) is not started again. */
const DEATHS = { limit: 5, within: 60_000 };
/** Late reads are logged at most once in this time, ms. */
const LATE_MS = 60_000;

export function createThreads(options: ThreadsOptions): Threads {
  const { path, timeoutMs, access, log, clock, health } = options;
  // A thread that waits for another process's lock has to give up before its caller does.
  const busyMs = Math.max(1, Math.floor(timeoutMs * 0.6));
  let lock: Lock | null = null;
  let writer: Lane<WriterCalls> | null = null;
  let reader: Lane<ReaderCalls> | null = null;
  let closed = false;
  let endWalWatch = (): void => undefined;
  /** When threads ended lately. */
  let deaths: number[] = [];
  /** How often reads began to be late, and when that was last logged. */
  let late = { times: 0, loggedAt: -LATE_MS };
  const toRestart = new Set<Role>();

  function laneOptions(role: Role, file: string): LaneOptions {
    return {
      ...{ role, path: file, isGuest: lock === null, busyMs, checkBytes: CHECK_BYTES, clock, timeoutMs },
      onOverdue: () => {
        if (role === 'writer') health.failed(`the disk under ${path} has not answered for ${timeoutMs} ms`);
        else readsAreLate();
      },
      onDeath: (cause) => died(role, cause),
    };
  }

  /**
   * Late reads alone do not stop the writing: there may be very many of them, or one that is long. But every call looks
   * at a bounded number of rows, so if there is still no answer after as long again, the disk hangs.
   */
  function readsAreLate(): void {
    const [times, now] = [late.times + 1, clock.elapsed()];
    const toLog = now - late.loggedAt >= LATE_MS;
    late = { times, loggedAt: toLog ? now : late.loggedAt };
    if (toLog) log.warn({ path, times }, `sqlite: reads have had no answer for ${timeoutMs} ms`);
    clock.after(timeoutMs, () => {
      if (late.times === times && reader?.overdue === true) health.failed(hanging());
    });
  }

  function hanging(): string {
    return `reads of ${path} are not answered: look at its disk`;
  }

  function died(role: Role, cause: string): void {
    const now = clock.elapsed();
    deaths = [...deaths.filter((at) => now - at < DEATHS.within), now];
    log.error({ role, cause, deaths: deaths.length }, 'sqlite: a thread of the database ended');
    if (deaths.length >= DEATHS.limit)
      return health.end(
        `the ${role}'s thread of the database ends again and again (${cause}): restart Parlor`,
      );
    toRestart.add(role);
    health.failed(`the ${role}'s thread of the database ended (${cause}) and is started again`);
  }

  function takeLock(file: string): Lock | null {
    if (access === 'read') return null;
    try {
      return lockDatabase(file, path);
    } catch (cause) {
      if (access === 'write' && cause instanceof InUse) return null;
      throw cause;
    }
  }

  function opened<L>(lane: L | null): L {
    if (lane) return lane;
    throw new Error(`the database ${path} is not open: ${health.state().reason ?? 'starting'}`);
  }

  function fail(cause: unknown): never {
    const { kind, line } = meaningOf(cause instanceof CallFailed ? cause.fault : faultOf(cause), path);
    if (kind === 'transient') health.failed(line);
    if (kind === 'damaged') health.end(line);
    throw new Error(line, { cause });
  }

  async function closeAll(): Promise<void> {
    endWalWatch();
    const [reading, writing] = [reader, writer];
    [reader, writer] = [null, null];
    // The reader first: the last one to close the file, if it may write, empties the -wal file.
    const ended = [(await reading?.close(timeoutMs)) ?? true, (await writing?.close(timeoutMs)) ?? true];
    // A thread that hangs in a call to the disk may still write: then the lock is freed when the process ends.
    if (ended.every(Boolean)) lock?.release();
    lock = null;
  }

  return {
    async start() {
      try {
        const file = placeOf(path);
        lock = takeLock(file);
        if (access !== 'read') {
          writer = createLane<WriterCalls>(laneOptions('writer', file));
          await writer.start();
        }
        if (closed) throw new Error(`the database ${path} was closed while it was opened`);
        reader = createLane<ReaderCalls>(laneOptions('reader', file));
        await reader.start();
        const id = await reader.call('identity');
        if (access === 'own') endWalWatch = watchWal(file, clock, log);
        health.started();
        if (toRestart.size > 0)
          health.failed(`a thread of the database ended while ${path} was opened, and is started again`);
        return id;
      } catch (cause) {
        await closeAll();
        const { line } = meaningOf(cause instanceof CallFailed ? cause.fault : faultOf(cause), path);
        health.startFailed(line);
        throw new Error(line, { cause });
      }
    },
    writer() {
      const { ready, reason } = health.state();
      if (!ready) throw new Error(reason ?? 'not ready');
      return opened(writer);
    },
    reader: () => opened(reader),
    async settledReader() {
      if (writer?.overdue === true && !(await writer.settled(timeoutMs)))
        throw new NoAnswer(
          `the disk under ${path} does not answer: what was last written is in doubt`,
          false,
        );
      return opened(reader);
    },
    fail,
    async probe() {
      for (const role of [...toRestart]) {
        await (role === 'writer' ? writer : reader)?.start().catch(fail);
        toRestart.delete(role);
      }
      if (reader?.overdue === true) throw new Error(hanging());
      await opened(writer).call('probe').catch(fail);
    },
    async close() {
      closed = true;
      await closeAll();
    },
  };
}
