import type { ErrorCode } from './errors.js';
import type { Socket } from './ports.js';

/** A connection as its audience knows it: its socket, who it is, and whether it hears the room. */
export interface Listener extends Pick<Socket, 'send' | 'sendSoon' | 'subscribe' | 'backlog' | 'whenRead'> {
  readonly id: string;
  readonly user: string;
  /** Whether it was let in, and has not ended. */
  readonly isLive: boolean;
  readonly isEnded: boolean;
  /** It has got its welcome and everything it missed; from now on it hears the room live. */
  admitted(): void;
  /** Ends it, and tells the client why. */
  end(code: ErrorCode, message: string): void;
  /** Ends it without a word: its socket fails. */
  abort(): void;
}
