import { isSeq, type Attempt, type Entry, type History, type Message } from './history.js';
import type { Place } from './violations.js';

export interface StoredMessage extends Place {
  readonly message: Message;
}

/** A history by id, so that each promise can be looked up instead of searched for. */
export interface Ledger {
  readonly history: History;
  /** Every attempt to post an id, in the order of sending. */
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
  /** Every place of the store at which an id stands; one, if all is well. */
  readonly stored: ReadonlyMap<string, readonly StoredMessage[]>;
  /** What the store has of each room, ascending by seq; without what has no seq that can be. */
  readonly rooms: ReadonlyMap<string, readonly Entry[]>;
  /** The types of what is no message, by room and seq. */
  readonly facts: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

export function ledgerOf(history: History): Ledger {
  const attempts = new Map<string, Attempt[]>();
  for (const attempt of history.attempts) into(attempts, attempt.id, attempt);
  const stored = new Map<string, StoredMessage[]>();
  for (const { room_id, entries } of history.rooms) {
    for (const { seq, message } of entries) if (message) into(stored, message.id, { room_id, seq, message });
  }
  const byRoom = <V>(of: (entries: readonly Entry[]) => V): Map<string, V> =>
    new Map(history.rooms.map(({ room_id, entries }) => [room_id, of(entries)]));
  return {
    history,
    attempts,
    stored,
    rooms: byRoom((entries) => entries.filter(({ seq }) => isSeq(seq)).sort((a, b) => a.seq - b.seq)),
    facts: byRoom(
      (entries) => new Map(entries.filter(({ message }) => !message).map(({ seq, type }) => [seq, type])),
    ),
  };
}

/** The name of an entry for a human: the id of a message, the type of anything else. */
export function nameOf({ message, type }: Entry): string {
  return message?.id ?? type;
}

function into<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
