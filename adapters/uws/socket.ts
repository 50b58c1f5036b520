import type { WebSocket } from 'uWebSockets.js';
import type { ErrorCode } from '../../engine/errors.js';
import type { Socket } from '../../engine/ports.js';
import type { Egress, Replier } from './egress.js';

/** What the engine's side of a WebSocket is told. */
export interface SocketHandler {
  frame(text: string): void;
  refuse(code: ErrorCode, message: string): void;
  end(code: ErrorCode, message: string): void;
  closed(closeCode: number): void;
}

/** What a client said in its upgrade request. uWebSockets.js's own request dies with its callback. */
export interface Upgrade {
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  readonly ip: string;
}

/** What the sockets of one server have in common. */
export interface SocketParts {
  readonly egress: Egress;
  /** Beyond so many bytes uWebSockets.js drops frames. */
  readonly maxBufferedBytes: number;
}

/** uWebSockets.js: `send` answers 2 when the frame was dropped because the client does not read. */
const DROPPED = 2;
/** How long a slow client may take to read what waits for it, so that it can be told why it is ended. */
const LAST_CHANCE_MS = 5_000;
const NONE: never[] = [];

type Ws = Pick<
  WebSocket<unknown>,
  'send' | 'cork' | 'subscribe' | 'unsubscribe' | 'end' | 'getBufferedAmount'
>;

/** A uWebSockets.js socket as the engine sees it: harmless when it is closed, and ended when it reads too slowly. */
export class UwsSocket implements Socket, Replier {
  handler: SocketHandler | null = null;
  private ws: Ws | null = null;
  private topic: string | null = null;
  private slow = false;
  private replies: string[] = NONE;

  constructor(
    public upgrade: Upgrade | null,
    private readonly parts: SocketParts,
  ) {}

  opened(ws: Ws): void {
    this.ws = ws;
  }

  send(...frames: string[]): void {
    this.parts.egress.publishGathered();
    this.write(frames);
  }

  reply(frame: string): void {
    if (this.ws === null) return;
    if (this.replies.length > 0) {
      this.replies.push(frame);
      return;
    }
    this.replies = [frame];
    this.parts.egress.reply(this);
  }

  writeReplies(): void {
    const { replies } = this;
    this.replies = NONE;
    this.write(replies);
  }

  subscribe(topic: string): void {
    this.parts.egress.publishGathered();
    this.topic = topic;
    this.ws?.subscribe(topic);
  }

  end(code: number, reason: string): void {
    this.parts.egress.publishGathered();
    this.writeReplies();
    // `end` calls the close handler before it returns.
    this.ws?.end(code, reason);
  }

  closed(code: number): void {
    this.ws = null;
    this.replies = NONE;
    this.handler?.closed(code);
    this.handler = null;
  }

  /** In one write, together with what this socket has to be told of its topic. */
  private write(frames: readonly string[]): void {
    const { ws } = this;
    if (ws === null || frames.length === 0) return;
    let dropped = false;
    ws.cork(() => {
      for (const frame of frames) if (ws.send(frame) === DROPPED) dropped = true;
    });
    if (dropped) this.overflowed();
  }

  /**
   * A frame was dropped, so the client would miss it: it has to come back with `since`. Not at once: this is
   * called from within uWebSockets.js's loop over the subscribers. And not before it has read some of what waits,
   * for a full buffer takes no close frame either; but only so long.
   */
  overflowed(): void {
    if (this.slow) return;
    this.slow = true;
    setImmediate(() => {
      if (this.topic !== null) this.ws?.unsubscribe(this.topic);
      this.drained();
      if (this.ws) setTimeout(() => this.endSlow(), LAST_CHANCE_MS).unref();
    });
  }

  /** The client has read something. */
  drained(): void {
    if (this.slow && this.ws && this.ws.getBufferedAmount() <= this.parts.maxBufferedBytes / 2)
      this.endSlow();
  }

  private endSlow(): void {
    this.handler?.end('slow_consumer', 'you read too slowly; come back with since');
  }
}
