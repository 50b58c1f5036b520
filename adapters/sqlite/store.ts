import type { DurableEvent } from '../../engine/messages/events.js';
import type { Append, AppendResult, Clock, Log, Store } from '../../engine/ports.js';
import { isStorable, isStorableText } from '../stores/columns.js';
import { createHealth } from '../stores/health.js';
import { revocationRow, revocationsOf } from '../stores/revocations.js';
import { flatten, flattenRecord } from './encode.js';
import { eventsOf, roomsOf } from './rows.js';
import { createThreads, type Access } from './threads.js';

export interface SqliteStoreOptions {
  /** The database file; it and its folder are made if they are not there. */
  readonly path: string;
  /** How long a call may take, ms. */
  readonly timeoutMs: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly access?: Access;
}

/** From a failure to the first attempt to write again, ms: a full or hanging disk is not better at once. */
const FIRST_PROBE_MS = 1_000;

/**
 * Stores everything in one SQLite file. One thread writes, another reads: a read sees the last commit and does not wait
 * for the one under way.
 *
 * An append that could not be decided within `timeoutMs` rejects, and may be committed later. Until that is decided,
 * `load` and `findEvents` wait, and reject rather than answer without it. A reader therefore never builds on a state that
 * a late commit could still change. The same holds for revocations. While the store is not ready, writes reject at once.
 */
export function createSqliteStore(options: SqliteStoreOptions): Store {
  const { path, timeoutMs, log, clock, access = 'own' } = options;
  const health = createHealth({
    ...{ kind: 'sqlite', clock, log, firstProbeMs: FIRST_PROBE_MS },
    probe: () => threads.probe(),
  });
  const threads = createThreads({ path, timeoutMs, access, log, clock, health });
  const fail = (cause: unknown): never => threads.fail(cause);
  let id: string | null = null;

  function logFailed(append: Append, result: AppendResult | undefined): void {
    if (result !== 'failed') return;
    const why = isStorable(append) ? 'an append was refused' : 'a text that cannot be stored was not stored';
    log.error({ room_id: append.room.room_id }, `sqlite: ${why}`);
  }

  return {
    async start() {
      id = await threads.start();
    },
    identity() {
      if (id === null) throw new Error(`the database ${path} was not opened`);
      return { id, durable: true, shared: false };
    },
    async append(appends) {
      if (appends.length === 0) return [];
      const results = await threads.writer().call('append', flatten(appends)).catch(fail);
      if (!results) return Array<AppendResult>(appends.length).fill('committed');
      appends.forEach((append, i) => logFailed(append, results[i]));
      return results;
    },
    async load(roomId) {
      const reader = await threads.settledReader();
      return roomsOf(await reader.call('load', roomId).catch(fail))[0] ?? null;
    },
    async history({ room_id, after, before, limit, messages_only }) {
      const [order, from] = after !== undefined ? (['up', after] as const) : (['down', 0] as const);
      const kind = messages_only ? 'messages' : 'all';
      const to = before ?? Number.MAX_SAFE_INTEGER;
      return eventsOf(
        await threads.reader().call('history', room_id, from, to, limit, order, kind).catch(fail),
      );
    },
    async log(after, limit) {
      const page = await threads.reader().call('log', after, limit).catch(fail);
      return page && { events: eventsOf(page.rows), cursor: page.cursor, more: page.more };
    },
    async findEvents(ids) {
      if (ids.length === 0) return [];
      const reader = await threads.settledReader();
      return eventsOf(await reader.call('findEvents', ids).catch(fail));
    },
    async findEvent(eventId): Promise<DurableEvent | null> {
      return eventsOf(await threads.reader().call('findEvent', eventId).catch(fail))[0] ?? null;
    },
    async rooms(after, limit) {
      return roomsOf(await threads.reader().call('rooms', after, limit).catch(fail));
    },
    async restore(record) {
      return threads.writer().call('restore', flattenRecord(record)).catch(fail);
    },
    async retain(roomId, { max_messages, not_before, up_to = 0 }) {
      const floor = await threads.reader().call('floor', roomId, max_messages, not_before, up_to).catch(fail);
      if (!floor) return false;
      await threads.writer().call('raise', roomId, floor.firstSeq).catch(fail);
      return floor.more;
    },
    async sweep() {
      return threads.writer().call('sweep').catch(fail);
    },
    async revoke(revocation) {
      await threads.writer().call('revoke', revocationRow(revocation)).catch(fail);
    },
    async unrevoke(key) {
      // SQLite would take the part before a NUL for the whole key.
      return isStorableText(key) && (await threads.writer().call('unrevoke', key).catch(fail));
    },
    async revocations() {
      const reader = await threads.settledReader();
      return revocationsOf(await reader.call('revocations').catch(fail));
    },
    state: () => health.state(),
    async close() {
      health.closed();
      await threads.close();
    },
  };
}
