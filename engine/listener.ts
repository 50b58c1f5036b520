import type { ErrorCode } from './errors.js';
import type { Socket } from './ports.js';

/** A connection as its audience knows it: its socket, who it is, and whether it hears the room. */
export interface Listener extends Pick<Socket, 'send' | 'sendSoon' | 'subscribe' | 'backlog' | 'whenRead'> {
  readonly id: string;
  readonly user: string;
  /** Whether it was admitted, and has not ended. */
  readonly isLive: boolean;
  /** It has got its welcome and everything it missed; from now on it hears the room live. */
  admitted(): void;
  end(code: ErrorCode, message: string): void;
}
