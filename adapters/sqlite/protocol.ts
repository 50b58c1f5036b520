import type { AppendResult } from '../../engine/ports.js';
import type { RevocationRow } from '../stores/revocations.js';
import type { Fault } from './faults.js';

/** A value that can be bound to a statement. (libsql aborts the process for a boolean.) */
export type Value = string | number | null;

/** The calls of the writer's thread. Each is one transaction. */
export interface WriterCalls {
  /** `flat`: see encode.ts. Null: all of them are committed. */
  append(flat: readonly Value[]): AppendResult[] | null;
  restore(record: readonly Value[]): boolean;
  /** Forgets the events of a room below a seq. */
  raise(roomId: string, firstSeq: number): null;
  /** Deletes some of the forgotten events; true if there are more. */
  sweep(): boolean;
  /** Keeps a revocation, and forgets those that are over by then. */
  revoke(row: RevocationRow): null;
  /** Forgets the revocation with this key; false: there is none. */
  unrevoke(key: string): boolean;
  /** Writes something small, to find out whether writing works. */
  probe(): null;
  close(): null;
}

/** A page of the log: its events as rows, the rest as in LogPage. */
export interface LogRows {
  readonly rows: readonly Value[];
  readonly cursor: string | null;
  readonly more: boolean;
}

/** The calls of the reader's thread. Rows of events and rooms are flat: see rows.ts. */
export interface ReaderCalls {
  identity(): string;
  load(roomId: string): Value[];
  history(
    roomId: string,
    after: number,
    before: number,
    limit: number,
    order: 'up' | 'down',
    kind: 'messages' | 'all',
  ): Value[];
  /** null: `after` is an id that no event has. */
  log(after: string | null, limit: number): LogRows | null;
  findEvents(ids: readonly string[]): Value[];
  findEvent(eventId: string): Value[];
  rooms(after: string | null, limit: number): Value[];
  /** All RevocationRows, one after the other in one array. */
  revocations(): Value[];
  /** The first seq that `retain` has to keep, and whether another call will find more to forget; null: nothing to forget. */
  floor(
    roomId: string,
    maxMessages: number | null,
    notBefore: number | null,
    upTo: number,
  ): { readonly firstSeq: number; readonly more: boolean } | null;
  close(): null;
}

export interface WorkerOptions {
  readonly role: 'writer' | 'reader';
  readonly path: string;
  /** Another process may own the file: only that one may checkpoint and change the schema (see `open.ts`). */
  readonly isGuest: boolean;
  /** How long a statement waits for a lock that another process holds, ms. */
  readonly busyMs: number;
  /** Files up to this size are checked completely when they are opened, bytes. */
  readonly checkBytes: number;
}

/** A call of a thread: its name and its arguments. */
export type Request = readonly [call: string, args: readonly unknown[]];

/** The outcome of a call. */
export type Answer = readonly [ok: true, value: unknown] | readonly [ok: false, fault: Fault];

/** A message of a thread: first whether it has started, then answers, in the order of the calls, several at a time. */
export type FromWorker = { readonly started: Fault | null } | { readonly answers: readonly Answer[] };
