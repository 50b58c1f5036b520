import type { Test } from 'tap';
import { createPostgresStore, type PostgresStoreOptions } from '../../adapters/postgres/store.js';
import { systemClock } from '../../adapters/system/clock.js';
import type { Log, LogPage, Store } from '../../engine/ports.js';
import { until } from '../support/until.js';

/** Everything that was logged, as text. */
export interface Lines extends Log {
  readonly lines: string[];
}

export function logLines(): Lines {
  const lines: string[] = [];
  const write = (fields: object, text: string): void => void lines.push(`${text} ${JSON.stringify(fields)}`);
  return { lines, info: write, warn: write, error: write };
}

/** A store that is not started; it is closed with the test. */
export function postgresStore(t: Test, url: string, more: Partial<PostgresStoreOptions> = {}): Store {
  const store = createPostgresStore({
    url,
    pool: 2,
    timeoutMs: 10_000,
    log: logLines(),
    clock: systemClock,
    ...more,
  });
  t.teardown(() => store.close());
  return store;
}

export async function startedStore(
  t: Test,
  url: string,
  more: Partial<PostgresStoreOptions> = {},
): Promise<Store> {
  const store = postgresStore(t, url, more);
  await store.start();
  return store;
}

export function whenReady(store: Store): Promise<unknown> {
  return until(() => store.state().ready, {
    timeoutMs: 30_000,
    what: () => `the store to be ready: ${store.state().reason}`,
  });
}

/**
 * Resolves when the log says that the store was down and is up again. Its state may never be seen to change, as it is
 * looked at only from time to time.
 */
export function whenBack({ lines }: Lines): Promise<unknown> {
  return until(() => lines.some((line) => line.includes('can be written again')), {
    timeoutMs: 30_000,
    what: () => `the store to be up again: ${lines.join('\n')}`,
  });
}

/** Resolves with the reason when the store says that it is not ready. For one that stays down until the test mends it. */
export function whenNotReady(store: Store): Promise<string> {
  return until(() => store.state().reason ?? '', {
    timeoutMs: 30_000,
    what: 'the store to say that it is not ready',
  });
}

/** What something that should fail rejects with. */
export async function messageOf(failing: Promise<unknown>): Promise<string> {
  return failing.then(
    () => 'it did not fail',
    (error: unknown) => (error as Error).message,
  );
}

/** A page of the log whose beginning is known. */
export async function logOf(store: Store, after: string | null, limit: number): Promise<LogPage> {
  const page = await store.log(after, limit);
  if (page === null) throw new Error(`the log does not know ${after}`);
  return page;
}

/** Every seq of a room, in order. */
export async function seqsOf(store: Store, room_id: string): Promise<number[]> {
  const events = await store.history({ room_id, after: 0, limit: 100_000, messages_only: false });
  return events.map(({ seq }) => seq);
}

export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}
