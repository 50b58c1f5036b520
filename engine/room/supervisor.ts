import type { Session } from '../ports.js';

/** How a room was woken. */
export interface WakeUp {
  readonly session: Session;
  /** Members that it had when it was last awake, and lost without hearing that they left. */
  readonly remembered: readonly string[];
  /** Whether there may be members on some node: not where the room went to sleep in this session without any. */
  readonly callRoll: boolean;
}

/** What a room tells its supervisor. */
export interface RoomSupervisor {
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
