/** What the end of a slow client needs of its socket. */
export interface SlowSocket {
  readonly isOpen: boolean;
  /** Bytes that the client has not read. */
  backlog(): number;
  /** Nothing that is published reaches it any more. */
  unsubscribeAll(): void;
  /** Tells the client why, and closes the connection. */
  endSlow(): void;
}

/** How long a slow client may take to read its backlog, so that it can be told why it is closed, ms. */
const LAST_CHANCE_MS = 5_000;

/**
 * Ends a client for which a frame was dropped. It has missed something, so it gets no more frames and has to reconnect
 * with `since`. It is closed when it has read half of its backlog, since a full buffer takes no close frame, and after
 * LAST_CHANCE_MS in any case.
 */
export class SlowReader {
  private state: 'reading the rest' | 'being told' | 'over' = 'reading the rest';

  constructor(
    private readonly socket: SlowSocket,
    private readonly maxBufferedBytes: number,
  ) {
    // Not at once: uWebSockets.js reports dropped frames from within its loop over the subscribers.
    setImmediate(() => {
      this.hasRead();
      if (socket.isOpen) setTimeout(() => this.end(), LAST_CHANCE_MS).unref();
    });
  }

  /** Whether the socket has to drop what it is given. While the client is told why it is closed, it must not. */
  get isMute(): boolean {
    return this.state !== 'being told';
  }

  /** The client may have read something. */
  hasRead(): void {
    if (this.state !== 'reading the rest') return;
    // Its buffer takes frames again now, which would come behind the one that it has missed.
    this.socket.unsubscribeAll();
    if (this.socket.backlog() <= this.maxBufferedBytes / 2) this.end();
  }

  private end(): void {
    if (!this.socket.isOpen || this.state !== 'reading the rest') return;
    this.state = 'being told';
    this.socket.endSlow();
    this.state = 'over';
  }
}
