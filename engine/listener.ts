import type { ErrorCode } from './errors.js';

/** A connection as its audience knows it. */
export interface Listener {
  readonly id: string;
  readonly user: string;
  /** Together, in one write. */
  send(...frames: string[]): void;
  subscribe(topic: string): void;
  /** It has got its welcome and everything it missed; from now on it hears the room live. */
  admitted(): void;
  end(code: ErrorCode, message: string): void;
}
