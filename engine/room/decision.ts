import type { Refusal } from '../errors.js';
import { refused, type Answer } from '../messages/answers.js';
import { evolve } from './evolve.js';
import type { Fact, RoomState } from './state.js';

/**
 * What a decision depends on beside the state and the command. It is handed in so that `decide` stays pure.
 */
export interface Context {
  /** The time, RFC 3339 in UTC: for events. */
  readonly at: string;
  /** Monotonic time, ms: for grace. */
  readonly elapsed: number;
  /** Fresh ids for the events that a command may cause. */
  readonly newId: () => string;
  /** How many members an answer lists by name. */
  readonly presenceLimit: number;
  /** Whether a node lives, as far as the home knows: then a command for one of its connections is trusted. */
  readonly lives: (nodeId: string) => boolean;
  /** The node that the room is on. */
  readonly home: string;
  /** The id of the room's last roll call. */
  readonly callId: string;
}

/** `wait`: the answer depends on who holds a seat, and a roll call is under way. */
export type Decision =
  | {
      readonly type: 'accepted';
      readonly facts: readonly Fact[];
      readonly state: RoomState;
      readonly answer: Answer;
    }
  | { readonly type: 'wait' };

export function accept(
  state: RoomState,
  facts: readonly Fact[],
  answer: (after: RoomState) => Answer,
): Decision {
  const after = facts.reduce(evolve, state);
  return { type: 'accepted', facts, state: after, answer: answer(after) };
}

/** A refusal is an answer without facts. */
export function refuse(state: RoomState, refusal: Refusal): Decision {
  return { type: 'accepted', facts: [], state, answer: refused(refusal) };
}

export function done(): Answer {
  return { type: 'done' };
}
