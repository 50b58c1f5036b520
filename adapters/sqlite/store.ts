import type { DurableEvent } from '../../engine/messages/events.js';
import type { Append, AppendResult, Clock, Log, Store } from '../../engine/ports.js';
import { isStorable } from '../stores/columns.js';
import { createHealth } from '../stores/health.js';
import { flatten, flattenRecord } from './encode.js';
import { faultOf, meaningOf } from './faults.js';
import { CallFailed, createLane, NoAnswer, type Lane, type LaneOptions } from './lane.js';
import { InUse, lockDatabase, type Lock } from './lock.js';
import { placeOf } from './place.js';
import type { ReaderCalls, WriterCalls } from './protocol.js';
import { eventsOf, roomsOf } from './rows.js';
import { watchWal } from './wal-watch.js';

export interface SqliteStoreOptions {
  /** The database file; it and its folder are made if they are not there. */
  readonly path: string;
  /** How long a call may take, ms. */
  readonly timeoutMs: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly access?: Access;
}

/**
 * What a store may do with its file. `own`: everything, and no second Parlor may. `read`: only read, also beside its
 * owner. `write`: as its owner if there is none, and else beside it, without what only one process may do (see `open.ts`).
 */
export type Access = 'own' | 'read' | 'write';

/** Larger files are not checked as a whole at start: this much took 0.25 s out of the cache, 4 s off a cold disk. */
const CHECK_BYTES = 256 * 1024 * 1024;
/** Times a thread may die one after the other before it is given up, and the ms after which it counts as well again. */
const DEATHS = { limit: 5, within: 60_000 };
/** From a failure to the first attempt to write again, ms: a full or hanging disk is not better at once. */
const FIRST_PROBE_MS = 1_000;
/** How often it is logged at most that reads are late, ms. */
const LATE_MS = 60_000;

/**
 * Remembers in one SQLite file. One thread writes, another reads: a read sees the last commit and does not wait for
 * the one under way.
 *
 * An append that could not be decided within `timeoutMs` rejects, and may yet be committed; until that is decided,
 * `load` and `findEvents` wait, and reject rather than answer without it. So who reads after a failed append never
 * builds on a state that a late commit then changes. While the store is not ready, appends reject at once.
 */
export function createSqliteStore(options: SqliteStoreOptions): Store {
  const { path, timeoutMs, log, clock, access = 'own' } = options;
  // A thread that waits for another process's lock has to give up before it is given up on.
  const busyMs = Math.max(1, Math.floor(timeoutMs * 0.6));
  const health = createHealth({ kind: 'sqlite', clock, log, probe, firstProbeMs: FIRST_PROBE_MS });
  let lock: Lock | null = null;
  let writer: Lane<WriterCalls> | null = null;
  let reader: Lane<ReaderCalls> | null = null;
  let id: string | null = null;
  let closed = false;
  let endWalWatch = (): void => undefined;
  let deaths: number[] = [];
  /** How often reads began to be late, and when that was last logged. */
  let late = { times: 0, loggedAt: -LATE_MS };
  const toStart = new Set<'writer' | 'reader'>();

  function laneOptions(role: 'writer' | 'reader', file: string): LaneOptions {
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
   * at a bounded number of rows, so those that are still not answered after as long again are with a disk that hangs.
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

  function takeLock(file: string): Lock | null {
    if (access === 'read') return null;
    try {
      return lockDatabase(file, path);
    } catch (cause) {
      if (access === 'write' && cause instanceof InUse) return null;
      throw cause;
    }
  }

  function hanging(): string {
    return `reads of ${path} are not answered: look at its disk`;
  }

  function died(role: 'writer' | 'reader', cause: string): void {
    const now = clock.elapsed();
    deaths = [...deaths.filter((at) => now - at < DEATHS.within), now];
    log.error({ role, cause, deaths: deaths.length }, 'sqlite: a thread of the database ended');
    if (deaths.length >= DEATHS.limit)
      return health.end(
        `the ${role}'s thread of the database ends again and again (${cause}): restart Parlor`,
      );
    toStart.add(role);
    health.failed(`the ${role}'s thread of the database ended (${cause}) and is started again`);
  }

  /** Starts what has ended, then writes something small. */
  async function probe(): Promise<void> {
    for (const role of [...toStart]) {
      await (role === 'writer' ? writer : reader)?.start().catch(fail);
      toStart.delete(role);
    }
    if (reader?.overdue === true) throw new Error(hanging());
    await open(writer).call('probe').catch(fail);
  }

  function open<L>(lane: L | null): L {
    if (lane) return lane;
    throw new Error(`the database ${path} is not open: ${health.state().reason ?? 'starting'}`);
  }

  /** Turns a failed call into an error with one line for a human, and notes what it says about the database. */
  function fail(cause: unknown): never {
    const { kind, line } = meaningOf(cause instanceof CallFailed ? cause.fault : faultOf(cause), path);
    if (kind === 'transient') health.failed(line);
    if (kind === 'damaged') health.end(line);
    throw new Error(line, { cause });
  }

  /** The writer, if it can be written to: refused at once is better than waiting for a disk that is full. */
  function writable(): Lane<WriterCalls> {
    const { ready, reason } = health.state();
    if (!ready) throw new Error(reason ?? 'not ready');
    return open(writer);
  }

  /** The reader, once nothing is in doubt of what was written before. */
  async function settledReader(): Promise<Lane<ReaderCalls>> {
    if (writer?.overdue === true && !(await writer.settled(timeoutMs)))
      throw new NoAnswer(`the disk under ${path} does not answer: what was last written is in doubt`, false);
    return open(reader);
  }

  function logFailed(append: Append, result: AppendResult | undefined): void {
    if (result !== 'failed') return;
    const why = isStorable(append) ? 'an append was refused' : 'a text that cannot be stored was not stored';
    log.error({ room_id: append.room.room_id }, `sqlite: ${why}`);
  }

  async function closeAll(): Promise<void> {
    const [reading, writing] = [reader, writer];
    [reader, writer] = [null, null];
    // The reader first: a writer that is the last one can empty the -wal file.
    const ended = [(await reading?.close(timeoutMs)) ?? true, (await writing?.close(timeoutMs)) ?? true];
    // A thread that hangs in a call to the disk may yet write: then the lock goes when the process does.
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
        id = await reader.call('identity');
        if (access === 'own') endWalWatch = watchWal(file, clock, log);
        health.started();
        if (toStart.size > 0) health.failed(`a thread of the database ended while ${path} was opened`);
      } catch (cause) {
        await closeAll();
        const { line } = meaningOf(cause instanceof CallFailed ? cause.fault : faultOf(cause), path);
        health.startFailed(line);
        throw new Error(line, { cause });
      }
    },
    identity() {
      if (id === null) throw new Error(`the database ${path} was not opened`);
      return { id, durable: true, shared: false };
    },
    async append(appends) {
      if (appends.length === 0) return [];
      const results = await writable().call('append', flatten(appends)).catch(fail);
      if (!results) return Array<AppendResult>(appends.length).fill('committed');
      appends.forEach((append, i) => logFailed(append, results[i]));
      return results;
    },
    async load(roomId) {
      const lane = await settledReader();
      return roomsOf(await lane.call('load', roomId).catch(fail))[0] ?? null;
    },
    async history({ room_id, after, before, limit, messages_only }) {
      const [order, from] = after !== undefined ? (['up', after] as const) : (['down', 0] as const);
      const kind = messages_only ? 'messages' : 'all';
      const to = before ?? Number.MAX_SAFE_INTEGER;
      return eventsOf(await open(reader).call('history', room_id, from, to, limit, order, kind).catch(fail));
    },
    async log(after, limit) {
      const page = await open(reader).call('log', after, limit).catch(fail);
      return page && { events: eventsOf(page.rows), cursor: page.cursor, more: page.more };
    },
    async findEvents(ids) {
      if (ids.length === 0) return [];
      const lane = await settledReader();
      return eventsOf(await lane.call('findEvents', ids).catch(fail));
    },
    async findEvent(eventId): Promise<DurableEvent | null> {
      return eventsOf(await open(reader).call('findEvent', eventId).catch(fail))[0] ?? null;
    },
    async rooms(after, limit) {
      return roomsOf(await open(reader).call('rooms', after, limit).catch(fail));
    },
    async restore(record) {
      return writable().call('restore', flattenRecord(record)).catch(fail);
    },
    async retain(roomId, { max_messages, not_before, up_to = 0 }) {
      const floor = await open(reader).call('floor', roomId, max_messages, not_before, up_to).catch(fail);
      if (!floor) return false;
      await writable().call('raise', roomId, floor.firstSeq).catch(fail);
      return floor.more;
    },
    async sweep() {
      return writable().call('sweep').catch(fail);
    },
    state: () => health.state(),
    async close() {
      closed = true;
      health.closed();
      endWalWatch();
      await closeAll();
    },
  };
}
