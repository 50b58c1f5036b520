import type { Journal } from '../journal.js';
import type { Command } from '../messages/commands.js';
import type { MessagePosted } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import type { Broker, Clock, Delivery, Log, Meter, Store } from '../ports.js';

/** What a room needs of the world. One object, shared by all rooms. */
export interface RoomParts {
  readonly store: Store;
  readonly broker: Broker;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly newId: () => string;
  /** The node this room is on. */
  readonly nodeId: string;
  /** Messages of all rooms that are staged and not yet decided by the store, by id: an id is unique over rooms. */
  readonly inFlight: Map<string, MessagePosted>;
  /** What every decision is told; `now` is set before each. One object, so that deciding makes none. */
  readonly about: { now: number; readonly newId: () => string; readonly presenceLimit: number };
  /** How long those who held a seat have to assert it after a room was rebuilt, ms. */
  readonly settleMs: number;
  readonly presetOf: (roomId: string) => Policy;
  /** For tests of supervision: throws when a crash is to be injected. */
  readonly fault: ((command: Command) => void) | undefined;
}

/** A room, as its supervisor sees it. */
export interface Room {
  readonly roomId: string;
  /** Whether it may be forgotten now. */
  readonly isIdle: boolean;
  /** Whether somebody holds a seat in it, or may still assert one. */
  readonly holdsSeats: boolean;
  stop(reason: string): void;
}

/** What a room tells its supervisor. */
export interface RoomHost {
  /** It has nothing to do and may be forgotten; whoever needs it spawns it again. */
  idle(room: Room): void;
  /** A handler threw. True: rebuild; false: the room has to stay down for a while. */
  crashed(room: Room, cause: unknown): boolean;
  /** It cannot go on: not loadable, or deposed. */
  ended(room: Room, reason: string): void;
}

/** `tick`: a time the room waited for has come. */
export type RoomMessage = Delivery | 'tick';
