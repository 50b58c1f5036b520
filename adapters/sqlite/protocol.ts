import type { AppendResult } from '../../engine/ports.js';
import type { Fault } from './faults.js';

/** What may be bound to a statement. libsql ends the whole process when it is handed a boolean. */
export type Value = string | number | null;

/** What the writer's thread does, each call one transaction. */
export interface WriterCalls {
  /** `flat`: see encode.ts. null: all of them are committed. */
  append(flat: readonly Value[]): AppendResult[] | null;
  restore(record: readonly Value[]): boolean;
  /** Forgets the events of a room below a seq. */
  raise(roomId: string, firstSeq: number): null;
  /** Deletes a piece of what is forgotten; true when there is more. */
  sweep(): boolean;
  /** Writes a little, to see whether that can be done. */
  probe(): null;
  close(): null;
}

/** A page of the log: its events as rows, and the rest as in LogPage. */
export interface LogRows {
  readonly rows: readonly Value[];
  readonly cursor: string | null;
  readonly more: boolean;
}

/** What the reader's thread does. Rows of events and rooms are flat: see rows.ts. */
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
  /** The first seq that `retain` would keep, and whether it had to stop early; null: nothing is to be forgotten. */
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
  /** Another process may be at work on the file: it alone checkpoints and changes the schema (see `open.ts`). */
  readonly isGuest: boolean;
  /** How long a statement waits for a lock that another process holds, ms. */
  readonly busyMs: number;
  /** A file up to this size is checked as a whole when it is opened, bytes. */
  readonly checkBytes: number;
}

/** One call on its way to a thread: its name and its arguments. */
export type Request = readonly [call: string, args: readonly unknown[]];

/** What came of one call. */
export type Answer = readonly [ok: true, value: unknown] | readonly [ok: false, fault: Fault];

/** What a thread says: once how its start went, then the answers to what it was sent, in order, in one piece or several. */
export type FromWorker = { readonly started: Fault | null } | { readonly answers: readonly Answer[] };
