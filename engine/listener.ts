import type { ErrorCode } from './errors.js';
import type { Socket } from './ports.js';

/** A connection as its audience knows it: its socket, its user, and whether it hears the room. */
export interface Listener extends Pick<Socket, 'send' | 'sendSoon' | 'subscribe' | 'backlog' | 'whenRead'> {
  readonly id: string;
  readonly user: string;
  /** Whether limits of users do not hold it. */
  readonly isTrusted: boolean;
  /** Whether the connection was let in, and has not ended. */
  readonly isLive: boolean;
  readonly isEnded: boolean;
  /** Called when it has its welcome and everything it missed; from now on it hears the room live. */
  admitted(): void;
  /** Ends the connection, and tells the client why. */
  end(code: ErrorCode, message: string): void;
  /** Ends the connection without telling the client, because its socket fails. */
  abort(): void;
}
