import type { Session } from '../ports.js';

/** How a room was woken. */
export interface WakeUp {
  readonly session: Session;
  /** Members that the room had when it ended, and that are not known to have left. */
  readonly remembered: readonly string[];
  /**
   * Whether some node may have members of the room. False only if it went to sleep without any in this
   * session.
   */
  readonly callRoll: boolean;
}

/** What a room tells its supervisor. */
export interface RoomSupervisor {
  /** The room has nothing to do and may be put to sleep; the next command spawns it again. */
  idle(): void;
  /**
   * A turn threw. `whole`: inside a decision, so the state is as it was before it. The supervisor decides
   * what comes next, and calls `resume`, `begin` or `stop`.
   */
  crashed(cause: unknown, whole: boolean): void;
  /** The room cannot go on: it could not be loaded, or another node has written it. */
  ended(reason: string): void;
  /** Ends the nact actor of a room that is put away. */
  stop(): void;
}
