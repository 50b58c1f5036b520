import type { Test } from 'tap';
import { newId } from '../../engine/ids.js';
import type { DurableEvent, MessagePosted } from '../../engine/messages/events.js';
import type { Append, RoomRecord, Store } from '../../engine/ports.js';

export interface StoreUnderTest {
  readonly store: Store;
  /** The same place for a process that comes after this one; not started. Left out where the place goes with the process. */
  readonly again?: () => Store;
  /** Another place; not started. */
  readonly elsewhere: () => Promise<Store>;
  close(): Promise<void>;
}

export const AT = '2024-01-01T00:00:00.000Z';

export function message(room_id: string, seq: number, text = `${seq}`, event_id = newId()): MessagePosted {
  return { type: 'message_posted', event_id, room_id, seq, at: AT, user: 'ann', text };
}

export function record(room_id: string, head_seq: number, more: Partial<RoomRecord> = {}): RoomRecord {
  return { room_id, head_seq, status: 'open', policy: null, created_at: AT, ...more };
}

/** An append of events that follow one another. */
export function append(room_id: string, ...events: DurableEvent[]): Append {
  return { room: record(room_id, events.at(-1)?.seq ?? 0), events };
}

/** `count` messages of a room, from the given seq on. */
export function messages(room_id: string, from: number, count: number): MessagePosted[] {
  return Array.from({ length: count }, (_, i) => message(room_id, from + i));
}

export function seqs(events: readonly DurableEvent[]): number[] {
  return events.map(({ seq }) => seq);
}

export function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

/** States one promise, tried on a store of its own and rooms of its own. */
export type Promised = (what: string, test: (t: Test, store: Store, room: string) => Promise<void>) => void;
