import type { TemplatedApp } from 'uWebSockets.js';
import { CorkedWriter } from '../../adapters/uws/corked-writer.js';
import { GatheredOutlet } from '../../adapters/uws/gathered-outlet.js';
import { UwsSocket, type SocketParts, type Ws } from '../../adapters/uws/socket.js';

const [TAKEN, WAITS, DROPPED] = [1, 0, 2];

/**
 * uWebSockets.js's topics as far as their order matters: what is published waits for the end of the turn, or until its
 * socket is sent something; a socket that leaves its last topic forgets what is on its way to it.
 */
export class FakeUws implements Pick<TemplatedApp, 'publish'> {
  readonly sockets = new Set<FakeWs>();
  readonly outlet: GatheredOutlet;
  readonly parts: SocketParts;
  private flushing = false;

  constructor(readonly maxBufferedBytes: number) {
    this.outlet = new GatheredOutlet(this, maxBufferedBytes);
    const heartbeat = { now: 0, add: () => undefined, remove: () => undefined };
    const writer = new CorkedWriter();
    this.parts = { outlet: this.outlet, writer, maxBufferedBytes, awaited: new Map(), heartbeat };
  }

  connect(): FakeWs {
    const ws = new FakeWs(this);
    this.sockets.add(ws);
    return ws;
  }

  publish(topic: unknown, message: unknown): boolean {
    for (const ws of this.sockets) if (ws.topics.has(text(topic))) ws.pending.push(text(message));
    if (!this.flushing) setImmediate(() => this.flush());
    this.flushing = true;
    return true;
  }

  flush(): void {
    this.flushing = false;
    for (const ws of this.sockets) ws.flush();
  }
}

/** A socket and the client behind it, who may stop reading. */
export class FakeWs {
  readonly socket: UwsSocket;
  readonly topics = new Set<string>();
  readonly pending: string[] = [];
  /** What the client has read. */
  readonly got: string[] = [];
  ended: string | null = null;
  private unread: string[] | null = null;
  private bytes = 0;

  constructor(private readonly app: FakeUws) {
    this.socket = new UwsSocket(null, app.parts);
    const ignore = (): void => undefined;
    const end = (code: string): void => void (this.ended = code);
    this.socket.handler = { frame: ignore, refuse: ignore, end, closed: ignore };
    this.socket.opened(this.ws);
  }

  close(): void {
    this.app.sockets.delete(this);
    this.socket.closed(1000);
  }

  stopReading(): void {
    this.unread ??= [];
  }

  /** Reads so many frames; all: goes on reading. */
  read(count: number | 'all'): void {
    if (this.unread === null || this.unread.length === 0) {
      if (count === 'all') this.unread = null;
      return;
    }
    const frames = this.unread.splice(0, count === 'all' ? this.unread.length : count);
    if (count === 'all') this.unread = null;
    this.got.push(...frames);
    this.bytes -= frames.reduce((sum, frame) => sum + frame.length, 0);
    this.socket.drained();
  }

  flush(): void {
    for (const frame of this.pending.splice(0)) if (this.take(frame) === DROPPED) this.socket.overflowed();
  }

  private take(frame: string): number {
    if (this.unread === null) {
      this.got.push(frame);
      return TAKEN;
    }
    if (this.bytes > this.app.maxBufferedBytes) return DROPPED;
    this.unread.push(frame);
    this.bytes += frame.length;
    return WAITS;
  }

  private get ws(): Ws {
    const ws: Ws = {
      send: (message) => {
        this.flush();
        return this.take(text(message));
      },
      cork: (call) => {
        call();
        return ws as ReturnType<Ws['cork']>;
      },
      subscribe: (topic) => this.topics.add(text(topic)).size > 0,
      unsubscribe: (topic) => {
        const was = this.topics.delete(text(topic));
        if (this.topics.size === 0) this.pending.length = 0;
        return was;
      },
      getTopics: () => [...this.topics],
      end: () => this.close(),
      close: () => this.close(),
      ping: () => TAKEN,
      getBufferedAmount: () => this.bytes,
    };
    return ws;
  }
}

/** The real one takes array buffers, too. */
function text(given: unknown): string {
  if (typeof given === 'string') return given;
  if (Buffer.isBuffer(given)) return given.toString();
  throw new Error('only strings and buffers are understood here');
}
