import { errorText } from '../../engine/errors.js';
import type { Clock, Log, Store } from '../../engine/ports.js';
import { createHealth } from '../stores/health.js';
import { addressOf } from './address.js';
import { createAppender } from './append.js';
import { createCommit } from './commit.js';
import { describe, isAboutValues, isAnswer, isLocked, isPassing, isReadOnly } from './faults.js';
import { createLine, type Line } from './line.js';
import { createReads, type Run } from './reads.js';
import { createRetention } from './retention.js';
import { createRevocations } from './revocations.js';
import { readerSetup, writerSetup } from './session.js';
import { migrateAt, probe, readIdentity, verify } from './start.js';

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`; the password is never logged. */
  readonly url: string;
  /** Connections for reading, in addition to the one for writing. */
  readonly pool: number;
  /** How long a statement may take, ms. The server cancels it, or if the server does not answer, the client gives up. */
  readonly timeoutMs: number;
  readonly log: Log;
  readonly clock: Clock;
}

/** How long `start` waits for a server that is just starting, ms. */
const START_MS = 10_000;
/** How long `start` waits between two attempts, ms. */
const RETRY_MS = 250;

/**
 * Stores rooms and events in PostgreSQL 12 or later, in the schema `parlor`; several nodes may share one database.
 *
 * A call that gets no answer rejects within about twice `timeoutMs`, whatever happened to the server; a commit with parts
 * that are too slow, within about six times. Nothing is read from a server that accepts no writes. Connections reconnect
 * by themselves; after a failure the store tries every second whether it can write, and reports that in `state`. Settings
 * are made for each connection, so a pooler in between has to give each one a session of its own.
 */
export function createPostgresStore(options: PostgresStoreOptions): Store {
  const { timeoutMs, log, clock } = options;
  const address = addressOf(options.url);
  const failed = (error: unknown): void => health.failed(describe(error, address));
  const reader = (): Line =>
    createLine({
      address,
      timeoutMs,
      setup: readerSetup(timeoutMs),
      // An error that answers a read, for example that it was too slow, says nothing about the next commit.
      failed(error, connected) {
        if (!connected || !isAnswer(error) || isReadOnly(error)) failed(error);
      },
    });
  const readers = Array.from({ length: Math.max(1, options.pool) }, reader);
  // After a failover the address may lead to another server: the readers have to follow the writer.
  const renewReaders = (): void => {
    for (const each of readers) each.renew();
  };
  const writer = createLine({
    address,
    timeoutMs,
    setup: writerSetup(timeoutMs),
    opened: renewReaders,
    failed(error) {
      if (isReadOnly(error)) renewReaders();
      if (!isAboutValues(error) && !isLocked(error)) failed(error);
    },
  });
  const health = createHealth({
    ...{ kind: 'postgres', clock, log },
    probe: () => writer.run(probe()),
    // At once: a connection that was lost is often there again.
    firstProbeMs: 0,
    reasonOf: (error) => describe(error, address),
    isAnswer,
  });
  const append = createAppender(
    createCommit({
      ...{ line: writer, timeoutMs, log, clock, isDown: () => health.down },
      // A single locked room concerns nobody else, and is not reported. If a lock aborts a whole commit, it is.
      failed(error) {
        if (isLocked(error)) failed(error);
      },
    }),
  );
  const read: Run = (statement, values) => {
    if (health.unreachable) return notReady();
    return readers.reduce((best, each) => (each.busy < best.busy ? each : best)).run(statement, values);
  };
  const write: Run = (statement, values) => (health.down ? notReady() : writer.run(statement, values));
  const notReady = () => Promise.reject(new Error(health.state().reason ?? 'not ready'));
  let id: string | null = null;
  let closing: Promise<void> | undefined;

  return {
    async start() {
      const deadline = clock.elapsed() + START_MS;
      for (let waited = false; ;) {
        try {
          await verify(writer, log);
          await migrateAt(address, timeoutMs);
          await writer.run(probe());
          id = await readIdentity(writer);
          health.started();
          return;
        } catch (error) {
          if (closing !== undefined || !isPassing(error) || clock.elapsed() >= deadline)
            throw new Error(describe(error, address), { cause: error });
          if (!waited) log.info({ cause: errorText(error) }, `postgres: waiting for ${address.where}`);
          waited = true;
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    },
    identity() {
      if (id === null) throw new Error('the store was not started');
      return { id, durable: true, shared: true };
    },
    append: (appends) => (health.down ? notReady() : append(appends)),
    ...createReads(read),
    ...createRetention(write, read),
    ...createRevocations(write, read),
    state: () => health.state(),
    close() {
      health.closed();
      closing ??= Promise.all([writer, ...readers].map((each) => each.close(timeoutMs))).then(
        () => undefined,
      );
      return closing;
    },
  };
}
