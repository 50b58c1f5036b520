/** What attackers do. Each has a process of its own, so that it shares nothing with those who behave. */
export type AttackName =
  /** Requests that never end: heads and bodies, a line or a byte now and then. */
  | 'slow-http'
  /** The same of handshakes, and of the first frame behind one. */
  | 'slow-upgrade'
  /** Connections that say nothing, or half a request, and are opened again when they are closed. */
  | 'half-open'
  /** Each connects, has its welcome, and is gone; the next one is another user. */
  | 'storm'
  /** Posts without a pause and reads nothing. */
  | 'unread'
  /** Asks for the longest page of history, again and again. */
  | 'pages'
  /** `typing` without a pause. */
  | 'typing'
  /** Many posts in one room, each connection with 128 that have no ack yet. */
  | 'room'
  /** Posts without a pause: as many as the sockets take. */
  | 'greedy';

export interface AttackPlan {
  readonly name: AttackName;
  readonly port: number;
  /** Connections at once. */
  readonly connections: number;
}

/** What came of an attack so far. */
export interface AttackReport {
  /** TCP connections made. */
  readonly opened: number;
  /** Requests and frames handed to sockets. Some may not have been read. */
  readonly sent: number;
  /** Answers over HTTP, by status; 101 is a handshake that was accepted. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Error frames, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Connections that the server ended, by close code; `none`: without a close frame. */
  readonly closed: Readonly<Record<string, number>>;
}
