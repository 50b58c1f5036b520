import type { Journal } from '../journal.js';
import type { Limiter } from '../limits/limiter.js';
import type { Rate } from '../limits/rate.js';
import type { Command } from '../messages/commands.js';
import type { DurableEvent } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import type { LocalMembers } from '../messages/words.js';
import type { Broker, Clock, Log, Meter, Store } from '../ports.js';

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
  /**
   * Events of all rooms that are staged and not yet decided by the store. By id, which is unique over all
   * rooms.
   */
  readonly inFlight: Map<string, DurableEvent>;
  /** Whether a node lives, as far as is known here. */
  readonly lives: (nodeId: string) => boolean;
  readonly presenceLimit: number;
  /** Rooms that a user has opened with a join or a post, on this node. */
  readonly roomsOfUser: Limiter;
  /** Posts of all users in one room. */
  readonly postsOfRoom: Rate;
  readonly presetOf: (roomId: string) => Policy;
  /**
   * This node's own answer to a roll call. Null while it cannot be given at once, because the audience here
   * has not received the events up to `headSeq`.
   */
  readonly callHere: (roomId: string, callId: string, headSeq: number) => LocalMembers | null;
  /**
   * For tests of supervision: throws when a crash is to be injected, before a decision or after it was taken.
   */
  readonly fault: ((command: Command) => void) | undefined;
  readonly faultAfter: ((command: Command) => void) | undefined;
}
