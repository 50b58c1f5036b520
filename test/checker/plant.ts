import type { Attempt, Entry, History, Member, Message, Room, Session } from './history.js';
import type { Violation } from './violations.js';

/** One of a list; undefined if it is empty. */
export type Choose = <T>(list: readonly T[]) => T | undefined;

/** What the checker has to say of a fault, in part. */
export type Finding = Readonly<Record<string, unknown>>;

/** One way to break a history. */
export interface Fault {
  /** What went wrong, in words. */
  readonly name: string;
  /** Breaks the history; null where there is nothing in it that can be broken in this way. */
  readonly plant: (history: History, choose: Choose) => Finding | null;
}

export type Faults<K extends Violation['kind']> = Readonly<Record<K, readonly [Fault, ...Fault[]]>>;

/** A message in the store. */
export interface Stored {
  readonly room: Room;
  readonly entry: Entry;
  readonly message: Message;
}

/** A message as a member was shown it. */
export interface Shown {
  readonly member: Member;
  readonly session: Session;
  readonly at: number;
  readonly entry: Entry;
  readonly message: Message;
}

export function storedMessages(history: History): Stored[] {
  return history.rooms.flatMap((room) =>
    room.entries.flatMap((entry) => (entry.message ? [{ room, entry, message: entry.message }] : [])),
  );
}

export function shownMessages(history: History): Shown[] {
  return history.members.flatMap((member) =>
    member.sessions.flatMap((session) =>
      session.entries.flatMap((entry, at) =>
        entry.message ? [{ member, session, at, entry, message: entry.message }] : [],
      ),
    ),
  );
}

/** Attempts that were answered 201 or ack. */
export function postedAttempts(history: History): Attempt[] {
  return history.attempts.filter(({ answer }) => answer.type === 'posted');
}

/** Stored messages whose every attempt fits a condition. */
export function storedWhere(history: History, fits: (attempts: readonly Attempt[]) => boolean): Stored[] {
  return storedMessages(history).filter(({ message }) =>
    fits(history.attempts.filter(({ id }) => id === message.id)),
  );
}

/** Takes an entry out of the store. What comes after it moves up, as it would in a room that never knew it. */
export function forget(room: Room, entry: Entry): void {
  room.entries = room.entries.filter((one) => one !== entry);
  room.head_seq = room.entries.length;
  room.entries.forEach((one, i) => (one.seq = i + 1));
}
