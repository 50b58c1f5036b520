import type { Journal, Outcome } from '../journal.js';
import type { Command, Presence } from '../messages/commands.js';
import type { MessagePosted } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import type { Present } from '../messages/words.js';
import type { Broker, Clock, Delivery, Log, Meter, RoomRecord, Session, Store } from '../ports.js';

/** What an audience knows of a room's members, as it answers a roll call. */
export interface LocalMembers {
  readonly present: readonly Presence[];
  /** Members as the clients here were told of them; none where the room is too large for that. */
  readonly believed: readonly string[];
}

/** What a room needs of the world. One object, shared by all rooms. */
export interface RoomParts {
  readonly store: Store;
  readonly broker: Broker;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly newId: () => string;
  /** RFC 3339 in UTC, of ms since 1970. */
  readonly timestamp: (ms: number) => string;
  /** The node this room is on. */
  readonly nodeId: string;
  /** Messages of all rooms that are staged and not yet decided by the store, by id: an id is unique over rooms. */
  readonly inFlight: Map<string, MessagePosted>;
  readonly presenceLimit: number;
  readonly presetOf: (roomId: string) => Policy;
  /**
   * This node's own answer to a roll call, where it can be given at once: null while its audience has not heard of the
   * events up to `headSeq`.
   */
  readonly callHere: (roomId: string, callId: string, headSeq: number) => LocalMembers | null;
  /** For tests of supervision: throws when a crash is to be injected, before a decision or after it was taken. */
  readonly fault: ((command: Command) => void) | undefined;
  readonly faultAfter: ((command: Command) => void) | undefined;
}

/** How a room was woken. */
export interface WakeUp {
  readonly session: Session;
  /** Members that it had when it was last awake, and lost without hearing that they left. */
  readonly remembered: readonly string[];
  /** Whether there may be members on some node: not where the room went to sleep in this session without any. */
  readonly callRoll: boolean;
}

/** What a room tells its supervisor. */
export interface RoomHost {
  /** It has nothing to do and may be forgotten; whoever needs it spawns it again. */
  idle(): void;
  /**
   * A turn threw; `whole`: in the decision itself, so that the state is as it was. The supervisor decides what comes
   * next, and calls `resume`, `begin` or `stop`.
   */
  crashed(cause: unknown, whole: boolean): void;
  /** It cannot go on: not loadable, or another node has written it. */
  ended(reason: string): void;
}

/** What a room hears: commands, and what it has asked for. */
export type RoomMessage =
  | Delivery
  | { readonly type: 'loaded'; readonly load: number; readonly record: RoomRecord | null }
  | { readonly type: 'not_loaded'; readonly load: number; readonly cause: unknown }
  | { readonly type: 'looked_up'; readonly lookup: number }
  | { readonly type: 'not_looked_up'; readonly lookup: number; readonly cause: unknown }
  | { readonly type: 'commit_failed'; readonly outcome: Outcome }
  /** Nothing is staged any more. */
  | { readonly type: 'drained' }
  | { readonly type: 'present'; readonly word: Present }
  | { readonly type: 'node_gone'; readonly nodeId: string }
  /** Whether the node is still the home may be known now. */
  | { readonly type: 'ask_again' }
  /** A time has come that the room waited for. */
  | { readonly type: 'tick' };
