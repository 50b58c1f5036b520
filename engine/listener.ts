import type { ErrorCode } from './errors.js';
import type { Socket } from './ports.js';

/** A connection to one room as its audience knows it: its socket, its user, and whether it hears the room. */
export interface Listener extends Pick<Socket, 'send' | 'sendSoon' | 'backlog'> {
  /** No other connection has been in this room under it. */
  readonly id: string;
  readonly user: string;
  /** Whether limits of users do not hold it. */
  readonly isTrusted: boolean;
  /** Whether the connection was let in, and has not ended. */
  readonly isLive: boolean;
  readonly isEnded: boolean;
  /** Whether its socket is in other rooms, too. Then frames name their room, and topics with such frames are its own. */
  readonly isOneOfMany: boolean;
  /** Whether it hears a topic, or has until it ended. */
  readonly hearsTopic: boolean;
  /** From now on it hears this topic, in place of the one before. As `Socket.subscribe`. */
  hear(topic: string): void;
  /** As `Socket.whenRead`, with one call at a time: the next replaces it. */
  whenRead(bytes: number, call: () => void): void;
  /** As `whenRead`, but when it is also this room's turn to send more of what the client missed. */
  nextPage(bytes: number, call: () => void): void;
  /** Called when it has its welcome and everything it missed; from now on it hears the room live. */
  admitted(): void;
  /** Ends the connection to this room, and tells the client why. */
  end(code: ErrorCode, message: string): void;
  /** Ends the socket without telling the client, because it fails. */
  abort(): void;
}
