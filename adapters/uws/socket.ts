import type { WebSocket } from 'uWebSockets.js';
import type { ErrorCode } from '../../engine/errors.js';
import type { Socket } from '../../engine/ports.js';
import type { GatheredOutlet, Sender } from './gathered-outlet.js';
import type { Beating, Heartbeat } from './heartbeat.js';

/** What the engine's side of a WebSocket is told. */
export interface SocketHandler {
  frame(text: string): void;
  refuse(code: ErrorCode, message: string): void;
  end(code: ErrorCode, message: string): void;
  /** `why`: what uWebSockets.js says where there was no close frame, or ''. */
  closed(closeCode: number, why: string): void;
}

/** What a client said in its upgrade request. uWebSockets.js's own request dies with its callback. */
export interface Upgrade {
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  readonly ip: string;
  /** The header of this name, or '': services send none. */
  readonly origin: string;
  readonly host: string;
}

/** What the sockets of one server have in common. */
export interface SocketParts {
  readonly outlet: GatheredOutlet;
  /** Beyond so many bytes uWebSockets.js drops frames. */
  readonly maxBufferedBytes: number;
  /** Who waits until a client has read. Here and not in each socket, as there are few of them at any time. */
  readonly awaited: Map<UwsSocket, Awaited>;
  readonly heartbeat: Pick<Heartbeat, 'add' | 'remove' | 'now'>;
}

interface Awaited {
  /** At most so many may be left to read. */
  readonly bytes: number;
  readonly call: () => void;
}

/** uWebSockets.js: `send` answers 2 when the frame was dropped because the client does not read. */
const DROPPED = 2;
/** How long a slow client may take to read what waits for it, so that it can be told why it is ended. */
const LAST_CHANCE_MS = 5_000;
const NONE: never[] = [];
/** Why uWebSockets.js ends a connection whose frame is beyond its limit, in its own words. */
const TOO_BIG = 'Received too big message';

export type Ws = Pick<
  WebSocket<unknown>,
  'send' | 'cork' | 'subscribe' | 'unsubscribe' | 'end' | 'close' | 'ping' | 'getBufferedAmount'
>;

/** uWebSockets.js gathers so many bytes; what does not fit, and each frame after it, costs a system call of its own. */
const CORK_BYTES = 15 * 1024;
/** Of the head of a frame, at most, that a server sends. */
const HEAD_BYTES = 10;

/** Frames in as few writes as may be. One object for all: a function for each write would be garbage at once. */
class Corked {
  private ws: Ws | null = null;
  private frames: readonly string[] = NONE;
  private next = 0;
  private dropped = false;
  private readonly send = (): void => {
    let bytes = 0;
    while (this.next < this.frames.length) {
      const frame = this.frames[this.next] ?? '';
      bytes += frame.length + HEAD_BYTES;
      if (bytes > CORK_BYTES && bytes > frame.length + HEAD_BYTES) return;
      this.next++;
      if (this.ws?.send(frame) !== DROPPED) continue;
      // Nothing may follow a frame that was dropped: the client would take what follows for all there is.
      this.dropped = true;
      this.next = this.frames.length;
    }
  };

  /** False if a frame was dropped. */
  write(ws: Ws, frames: readonly string[]): boolean {
    this.ws = ws;
    this.frames = frames;
    this.next = 0;
    this.dropped = false;
    while (this.next < frames.length) ws.cork(this.send);
    this.ws = null;
    this.frames = NONE;
    return !this.dropped;
  }
}
const corked = new Corked();

/** A uWebSockets.js socket as the engine sees it: harmless when it is closed, and ended when it reads too slowly. */
export class UwsSocket implements Socket, Sender, Beating {
  handler: SocketHandler | null = null;
  heard = 0;
  slot = 0;
  private ws: Ws | null = null;
  private topic: string | null = null;
  /** After a frame was dropped nothing may be sent any more, but while it is `ending`, why. */
  private state: 'reading' | 'slow' | 'ending' | 'over' = 'reading';
  /** Frames that have not been written, and when that is to be done at the latest. */
  private waiting: string[] = NONE;
  private due: 'never' | 'soon' | 'later' = 'never';

  constructor(
    public upgrade: Upgrade | null,
    private readonly parts: SocketParts,
  ) {}

  opened(ws: Ws): void {
    this.ws = ws;
    this.parts.heartbeat.add(this);
  }

  /** Something came from the client. */
  wasHeard(): void {
    this.heard = this.parts.heartbeat.now;
  }

  ping(): void {
    // A full buffer takes no ping either, and uWebSockets.js would take it for a frame that was dropped.
    if (this.backlog() < this.parts.maxBufferedBytes) this.ws?.ping();
  }

  endSilent(): void {
    this.ws?.close();
  }

  send(...frames: string[]): void {
    this.catchUp();
    this.cork(frames);
  }

  sendSoon(frame: string): void {
    if (!this.wait(frame) || this.due === 'soon') return;
    this.due = 'soon';
    this.parts.outlet.writeSoon(this);
  }

  sendAlong(frame: string): void {
    if (!this.wait(frame) || this.due !== 'never') return;
    this.due = 'later';
    this.parts.outlet.writeLater(this);
  }

  write(): void {
    const { waiting } = this;
    this.waiting = NONE;
    this.due = 'never';
    this.cork(waiting);
  }

  subscribe(topic: string): void {
    this.catchUp();
    if (this.state !== 'reading') return;
    const before = this.topic;
    this.topic = topic;
    this.ws?.subscribe(topic);
    // After it: uWebSockets.js forgets what is on its way to a socket without any topic.
    if (before !== null && before !== topic) this.ws?.unsubscribe(before);
  }

  backlog(): number {
    return this.ws?.getBufferedAmount() ?? 0;
  }

  whenRead(bytes: number, call: () => void): void {
    const { awaited } = this.parts;
    awaited.delete(this);
    if (this.ws === null) return;
    if (this.backlog() <= bytes) call();
    else awaited.set(this, { bytes, call });
  }

  end(code: number, reason: string): void {
    this.catchUp();
    // `end` calls the close handler before it returns.
    this.ws?.end(code, reason);
  }

  /** What gathers for this socket goes before what comes now. */
  private catchUp(): void {
    this.parts.outlet.publishGathered();
    if (this.waiting.length > 0) this.write();
  }

  closed(code: number, why = ''): void {
    this.ws = null;
    this.waiting = NONE;
    this.parts.awaited.delete(this);
    this.parts.heartbeat.remove(this);
    // It cannot be told any more, but it is counted.
    if (why === TOO_BIG) this.handler?.refuse('payload_too_large', why);
    this.handler?.closed(code, why);
    this.handler = null;
  }

  private wait(frame: string): boolean {
    if (this.ws === null || this.isMute) return false;
    if (this.waiting.length === 0) this.waiting = [frame];
    else this.waiting.push(frame);
    return true;
  }

  /** In one write. */
  private cork(frames: readonly string[]): void {
    if (this.isMute || this.ws === null || frames.length === 0) return;
    if (!corked.write(this.ws, frames)) this.overflowed();
  }

  /**
   * A frame was dropped, so the client would miss it: it has to come back with `since`. Not at once: this is
   * called from within uWebSockets.js's loop over the subscribers. And not before it has read some of what waits,
   * for a full buffer takes no close frame either; but only so long.
   */
  overflowed(): void {
    if (this.state !== 'reading') return;
    this.state = 'slow';
    this.waiting = NONE;
    this.parts.awaited.delete(this);
    setImmediate(() => {
      this.drained();
      if (this.ws) setTimeout(() => this.endSlow(), LAST_CHANCE_MS).unref();
    });
  }

  /** The client has read something. */
  drained(): void {
    if (this.state === 'slow') {
      // Now it would take frames again, behind the one that it has not got.
      this.deafen();
      if (this.backlog() <= this.parts.maxBufferedBytes / 2) this.endSlow();
      return;
    }
    const { awaited } = this.parts;
    const one = awaited.size > 0 ? awaited.get(this) : undefined;
    if (!one || this.backlog() > one.bytes) return;
    awaited.delete(this);
    one.call();
  }

  private get isMute(): boolean {
    return this.state === 'slow' || this.state === 'over';
  }

  private deafen(): void {
    if (this.topic !== null) this.ws?.unsubscribe(this.topic);
    this.topic = null;
  }

  private endSlow(): void {
    if (this.ws === null || this.state !== 'slow') return;
    this.state = 'ending';
    this.handler?.end('slow_consumer', 'you read too slowly; come back with since');
    this.state = 'over';
  }
}
