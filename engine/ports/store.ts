import type { Revocation } from '../access/revocation.js';
import type { DurableEvent } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';

/** What the store knows of a room without reading its events: enough to wake it. */
export interface RoomRecord {
  readonly room_id: string;
  /** seq of the last durable event; kept over a purge. */
  readonly head_seq: number;
  readonly status: 'open' | 'closed' | 'empty';
  /** The policy that was set for this room, or null where the preset of its id holds. */
  readonly policy: Policy | null;
  readonly created_at: string;
}

/** One room's part of a commit: its new events, with seqs that follow `room.head_seq - events.length`. */
export interface Append {
  readonly room: RoomRecord;
  readonly events: readonly DurableEvent[];
  /** Forget all events of this room with a smaller seq than this. */
  readonly purge_before?: number;
}

/**
 * How much of a room's history is kept. An event that either bound excludes is forgotten. null: no such
 * bound.
 */
export interface RetentionBounds {
  readonly max_messages: number | null;
  /** ms since 1970: events from before it are forgotten, and what stands in front of them, whatever date that has. */
  readonly not_before: number | null;
  /** Events up to this seq are too old, whatever date they have. */
  readonly up_to?: number;
}

/**
 * `fenced`: another writer has used one of these seqs; `duplicate`: one of the message ids is in the store;
 * `failed`: this append could not be stored, which says nothing about the others of the call.
 */
export type AppendResult = 'committed' | 'fenced' | 'duplicate' | 'failed';

export interface Page {
  readonly room_id: string;
  /** Only events with a greater seq. */
  readonly after?: number;
  /** Only events with a smaller seq. */
  readonly before?: number;
  readonly limit: number;
  readonly messages_only: boolean;
}

export interface LogPage {
  readonly events: readonly DurableEvent[];
  /** Goes on behind this page, now or later. Digits only; null: nothing was ever stored. */
  readonly cursor: string | null;
  /** Whether more is there already. */
  readonly more: boolean;
}

/** Which place a store keeps its rooms in. */
export interface StoreIdentity {
  /** A UUID of the place: the same after a restart, another for another place. A copy of the place has the same. */
  readonly id: string;
  /** Whether the place, and so the id, outlives the process. */
  readonly durable: boolean;
  /** Whether several processes can use the place at the same time. */
  readonly shared: boolean;
}

export interface StoreState {
  readonly kind: string;
  readonly ready: boolean;
  /** Why it is not ready; null when it is. As a broker's reason it is never for clients. */
  readonly reason: string | null;
}

/**
 * Remembers rooms and their durable events.
 *
 * Guarantees:
 * - the appends of one call are one transaction per room and are made in the order given;
 * - an append is whole or not at all;
 * - (room_id, seq) is unique for ever, and the id of an event for as long as the event is not forgotten;
 * - every later call reads what was answered `committed`, and so does every later process if the store is
 *   durable;
 * - cursors are stable: pages neither skip nor repeat an event while others append.
 */
export interface Store {
  /**
   * Makes the store ready, its schema up to date. Rejects with one line that says what to do where it cannot.
   */
  start(): Promise<void>;
  /** Does not change after `start`; throws before. */
  identity(): StoreIdentity;
  /** One result per append, in order. Rejects if the store cannot tell: then none of them may be assumed. */
  append(appends: readonly Append[]): Promise<AppendResult[]>;
  load(roomId: string): Promise<RoomRecord | null>;
  /** Events by seq, ascending with `after`, else the newest first. */
  history(page: Page): Promise<DurableEvent[]>;
  /**
   * Events of all rooms in the order they were committed. `after`: a cursor that `log` gave, good whatever is
   * forgotten since, or the id of an event; null: from the beginning. Resolves with null if no event has that
   * id (any more). A call looks at a bounded number of events, so a page may hold fewer than `limit` and yet
   * not be the last.
   */
  log(after: string | null, limit: number): Promise<LogPage | null>;
  /** The events that have one of these ids, of whatever type. */
  findEvents(ids: readonly string[]): Promise<DurableEvent[]>;
  findEvent(eventId: string): Promise<DurableEvent | null>;
  /** Rooms by id, after a room id. */
  rooms(after: string | null, limit: number): Promise<RoomRecord[]>;
  /**
   * Puts a room back as it was elsewhere, without its events: the first one appended has the seq after
   * `record.head_seq`. False if the room is known, then nothing is changed.
   */
  restore(record: RoomRecord): Promise<boolean>;
  /**
   * Forgets the oldest events of a room, a bounded number at a time; resolves with true when there is more to
   * do. An event that this or a purge has forgotten is never read again; seq goes on.
   */
  retain(roomId: string, bounds: RetentionBounds): Promise<boolean>;
  /**
   * Frees the space that forgotten events still occupy, a bounded piece at a time; true when there is more to
   * do.
   */
  sweep(): Promise<boolean>;
  /**
   * Keeps a revocation, in place of an earlier one with the same key, and forgets the others whose `until` is not
   * after its `revoked_at`. Rejects where a time cannot be read, or a text not be stored unchanged.
   */
  revoke(revocation: Revocation): Promise<void>;
  /** Takes back the revocation with this key; false: there is none. */
  unrevoke(key: string): Promise<boolean>;
  /**
   * All revocations that are kept, also those whose `until` is over. Their order is that of their keys by Unicode code
   * points, which is the order of UTF-8 bytes and not that of JavaScript's `<`. Times are in UTC with milliseconds,
   * however they were written.
   */
  revocations(): Promise<Revocation[]>;
  state(): StoreState;
  close(): Promise<void>;
}
