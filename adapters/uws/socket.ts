import type { WebSocket } from 'uWebSockets.js';
import type { ErrorCode } from '../../engine/errors.js';
import type { Socket } from '../../engine/ports.js';
import type { CorkedWriter } from './corked-writer.js';
import type { GatheredOutlet } from './gathered-outlet.js';
import type { Beating, Heartbeat } from './heartbeat.js';
import type { Sender } from './sender-queue.js';
import { SlowReader, type SlowSocket } from './slow-reader.js';

/** Receives what happens to a WebSocket. */
export interface SocketHandler {
  frame(text: string): void;
  refuse(code: ErrorCode, message: string): void;
  end(code: ErrorCode, message: string): void;
  /** `why`: uWebSockets.js's reason if there was no close frame, or ''. */
  closed(closeCode: number, why: string): void;
}

/** What a client said in its upgrade request. (uWebSockets.js's own request object dies with its callback.) */
export interface Upgrade {
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  readonly ip: string;
  /** The header, or ''. */
  readonly authorization: string;
  /** The subprotocols that the client offers, separated by commas; ''. */
  readonly protocols: string;
  /** The header of this name, or '': services send none. */
  readonly origin: string;
  readonly host: string;
}

/** What the sockets of one server have in common. */
export interface SocketParts {
  readonly outlet: GatheredOutlet;
  readonly writer: CorkedWriter;
  /** With a larger backlog than this, uWebSockets.js drops frames. */
  readonly maxBufferedBytes: number;
  /** Calls that wait until a client has read. Here and not in each socket, as there are few of them at any time. */
  readonly awaited: Map<UwsSocket, Map<object, Awaited>>;
  readonly heartbeat: Pick<Heartbeat, 'add' | 'remove' | 'now'>;
}

interface Awaited {
  /** The call is due when the backlog is no larger than this. */
  readonly bytes: number;
  readonly call: () => void;
}

const NONE: never[] = [];
/** uWebSockets.js's reason for closing a connection whose frame is beyond its limit. */
const TOO_BIG = 'Received too big message';

export type Ws = Pick<
  WebSocket<unknown>,
  'send' | 'cork' | 'subscribe' | 'unsubscribe' | 'getTopics' | 'end' | 'close' | 'ping' | 'getBufferedAmount'
>;

/** A uWebSockets.js socket as the engine sees it: harmless after it is closed, and closed if its client reads too slowly. */
export class UwsSocket implements Socket, Sender, Beating, SlowSocket {
  handler: SocketHandler | null = null;
  lastBeat = 0;
  slot = 0;
  private ws: Ws | null = null;
  /** Set when a frame was dropped. */
  private slow: SlowReader | null = null;
  /** Frames that are not written yet, and how soon they have to be. */
  private waiting: string[] = NONE;
  private due: 'never' | 'soon' | 'later' = 'never';

  constructor(
    public upgrade: Upgrade | null,
    private readonly parts: SocketParts,
  ) {}

  get isOpen(): boolean {
    return this.ws !== null;
  }

  opened(ws: Ws): void {
    this.ws = ws;
    this.parts.heartbeat.add(this);
  }

  /** The client has sent something. */
  received(): void {
    this.lastBeat = this.parts.heartbeat.now;
  }

  ping(): void {
    // A full buffer takes no ping either, and uWebSockets.js would report it as a dropped frame.
    if (this.backlog() < this.parts.maxBufferedBytes) this.ws?.ping();
  }

  endSilent(): void {
    this.ws?.close();
  }

  send(...frames: string[]): void {
    this.flush();
    this.writeNow(frames);
  }

  sendSoon(frame: string): void {
    if (!this.enqueue(frame) || this.due === 'soon') return;
    this.due = 'soon';
    this.parts.outlet.writeSoon(this);
  }

  sendAlong(frame: string): void {
    if (!this.enqueue(frame) || this.due !== 'never') return;
    this.due = 'later';
    this.parts.outlet.writeLater(this);
  }

  write(): void {
    const { waiting } = this;
    this.waiting = NONE;
    this.due = 'never';
    this.writeNow(waiting);
  }

  subscribe(topic: string, insteadOf: string | null): void {
    this.flush();
    if (this.slow !== null) return;
    this.ws?.subscribe(topic);
    // Second, because uWebSockets.js forgets what is on its way to a socket without any topic.
    if (insteadOf !== null && insteadOf !== topic) this.ws?.unsubscribe(insteadOf);
  }

  unsubscribe(topic: string): void {
    // What gathers for this topic would not reach it any more, and not only this: see above.
    this.flush();
    this.ws?.unsubscribe(topic);
  }

  unsubscribeAll(): void {
    for (const topic of this.ws?.getTopics() ?? []) this.ws?.unsubscribe(topic);
  }

  backlog(): number {
    return this.ws?.getBufferedAmount() ?? 0;
  }

  whenRead(bytes: number, call: () => void, caller: object): void {
    const { awaited } = this.parts;
    const calls = awaited.get(this);
    calls?.delete(caller);
    if (calls?.size === 0) awaited.delete(this);
    if (this.ws === null) return;
    if (this.backlog() <= bytes) call();
    else awaited.set(this, (awaited.get(this) ?? new Map<object, Awaited>()).set(caller, { bytes, call }));
  }

  end(code: number, reason: string): void {
    this.flush();
    // `end` calls the close handler before it returns.
    this.ws?.end(code, reason);
  }

  endSlow(): void {
    this.handler?.end('slow_consumer', 'you read too slowly; come back with since');
  }

  /** Writes what gathers for this socket: it was sent before what comes now. */
  private flush(): void {
    this.parts.outlet.publishGathered();
    if (this.waiting.length > 0) this.write();
  }

  closed(code: number, why = ''): void {
    this.ws = null;
    this.waiting = NONE;
    this.parts.awaited.delete(this);
    this.parts.heartbeat.remove(this);
    // The client cannot be told any more, but the refusal is counted.
    if (why === TOO_BIG) this.handler?.refuse('payload_too_large', why);
    this.handler?.closed(code, why);
    this.handler = null;
  }

  /** False if the frame is dropped, because nothing may be sent any more. */
  private enqueue(frame: string): boolean {
    if (this.ws === null || this.slow?.isMute) return false;
    if (this.waiting.length === 0) this.waiting = [frame];
    else this.waiting.push(frame);
    return true;
  }

  private writeNow(frames: readonly string[]): void {
    if (this.ws === null || this.slow?.isMute || frames.length === 0) return;
    if (!this.parts.writer.write(this.ws, frames)) this.overflowed();
  }

  /** uWebSockets.js has dropped a frame for this socket. */
  overflowed(): void {
    if (this.slow !== null) return;
    this.waiting = NONE;
    this.parts.awaited.delete(this);
    this.slow = new SlowReader(this, this.parts.maxBufferedBytes);
  }

  /** The client has read something. */
  drained(): void {
    if (this.slow !== null) {
      this.slow.hasRead();
      return;
    }
    const { awaited } = this.parts;
    const calls = awaited.size > 0 ? awaited.get(this) : undefined;
    // Each of them may send, so the backlog is looked at each time.
    for (const [caller, { bytes, call }] of [...(calls ?? [])]) {
      if (this.backlog() > bytes || !calls?.delete(caller)) continue;
      if (calls.size === 0) awaited.delete(this);
      call();
    }
  }
}
