import type { ErrorCode } from '../../engine/errors.js';
import type { Socket } from '../../engine/ports.js';
import type { Beating } from '../uws/heartbeat.js';
import { SlowReader, type SlowSocket } from '../uws/slow-reader.js';
import { endText, type FrameEvent, type FrameRefusal } from './event-text.js';

/** The answer to a request for a stream. */
export interface StreamAnswer {
  /** Writes the head of the answer: from now on it is a stream. */
  begin(): void;
  /** Answers with this refusal instead. Called at most once, and not after `begin`. */
  refuse(refusal: FrameRefusal): void;
  /** Writes a piece. What the client does not read is kept. */
  write(text: string): void;
  /** Bytes that wait here because the client does not read. */
  backlog(): number;
  /** Ends the answer after what was written. */
  end(): void;
  /** Closes the connection at once. */
  destroy(): void;
}

/** Told of what happens to a stream. */
export interface StreamHandler {
  end(code: ErrorCode, message: string): void;
  closed(closeCode: number, why: string): void;
}

/** What the streams of one node have in common. */
export interface StreamParts {
  /** A stream with a larger backlog than this is ended. */
  readonly maxBufferedBytes: number;
  readonly heartbeat: { add(stream: Beating): void; remove(stream: Beating): void };
  /** The event of a frame. */
  readonly eventOf: (frame: string) => FrameEvent;
  /** Calls `stream.flush` in the next turn of the event loop. */
  readonly flushSoon: (stream: EventStream) => void;
  /** The stream hears another topic, or none. */
  readonly moved: (stream: EventStream, from: string | null, to: string | null) => void;
}

/** How a browser is told to come back after a cut, until an `error` says another time, ms. */
const RETRY_MS = 1_000;
const FIRST = `retry: ${RETRY_MS}\n\n`;
/** A line that clients ignore. It tells proxies, and the HTTP server, that the stream is alive. */
const COMMENT = ':\n\n';
/** The code with which a WebSocket ends whose client is gone without a word (RFC 6455 section 7.1.5). */
const ABNORMAL = 1006;
/** How long a client may take to read the rest of a stream that has ended, ms. */
const LAST_READ_MS = 5_000;

/**
 * A stream of events over one HTTP answer, as the engine sees it. Its head waits for the first frame: a client that is not let
 * in gets a refusal with a status. What is sent is written at the end of the turn of the event loop, in one piece.
 */
export class EventStream implements Socket, SlowSocket, Beating {
  handler: StreamHandler | null = null;
  lastBeat = 0;
  slot = 0;
  private state: 'asked' | 'open' | 'over' = 'asked';
  private waiting: string[] = [];
  private waitingBytes = 0;
  private isDue = false;
  private topic: string | null = null;
  /** Why it ends, if it has been told. */
  private refusal: FrameRefusal | null = null;
  /** Set when a frame was dropped. */
  private slow: SlowReader | null = null;
  private awaited: { readonly bytes: number; readonly call: () => void } | null = null;

  constructor(
    private readonly answer: StreamAnswer,
    private readonly parts: StreamParts,
  ) {}

  get isOpen(): boolean {
    return this.state !== 'over';
  }

  send(...frames: string[]): void {
    for (const frame of frames) this.add(frame);
    this.flush();
  }

  sendSoon(frame: string): void {
    this.add(frame);
  }

  sendAlong(frame: string): void {
    this.add(frame);
  }

  /** Hears what is published to this topic from now on, and of its old topic nothing any more. */
  subscribe(topic: string): void {
    if (this.slow === null && this.isOpen) this.moveTo(topic);
  }

  unsubscribe(): void {
    this.moveTo(null);
  }

  unsubscribeAll(): void {
    this.moveTo(null);
  }

  backlog(): number {
    return this.waitingBytes + (this.state === 'open' ? this.answer.backlog() : 0);
  }

  whenRead(bytes: number, call: () => void): void {
    this.awaited = null;
    if (!this.isOpen) return;
    if (this.backlog() <= bytes) call();
    else this.awaited = { bytes, call };
  }

  end(code: number, reason: string): void {
    if (!this.isOpen) return;
    if (this.state === 'asked') this.answer.refuse(this.refusal ?? { code: 'unavailable', message: reason });
    else {
      this.flush();
      this.answer.write(endText(code, reason));
      this.answer.end();
      // Harmless if everything has been read by then.
      setTimeout(() => this.answer.destroy(), LAST_READ_MS).unref();
    }
    this.over(code, '');
  }

  /** The client is gone. */
  gone(): void {
    if (this.isOpen) this.over(ABNORMAL, '');
  }

  /** The client has read all that was written. */
  drained(): void {
    if (this.slow !== null) {
      this.slow.hasRead();
      return;
    }
    const { awaited } = this;
    if (awaited === null || this.backlog() > awaited.bytes) return;
    this.awaited = null;
    awaited.call();
  }

  /** Adds a frame that was published to its topic. */
  published(event: FrameEvent): void {
    if (this.isOpen && this.slow?.isMute !== true) this.enqueue(event);
  }

  /** Writes what has gathered. */
  flush(): void {
    this.isDue = false;
    if (this.state !== 'open' || this.waiting.length === 0) return;
    const backlog = this.answer.backlog();
    const { waiting, waitingBytes } = this;
    this.waiting = [];
    this.waitingBytes = 0;
    if (this.slow?.isMute === true) return;
    // Once it is told why it ends, that has to reach it.
    const fits = backlog === 0 || backlog + waitingBytes <= this.parts.maxBufferedBytes;
    if (fits || this.slow !== null) this.answer.write(waiting.join(''));
    else this.slow = new SlowReader(this, this.parts.maxBufferedBytes);
  }

  endSlow(): void {
    this.handler?.end('slow_consumer', 'you read too slowly; come back with since');
  }

  ping(): void {
    // With a backlog the connection is not idle.
    if (this.state === 'open' && this.slow === null && this.backlog() === 0) this.answer.write(COMMENT);
  }

  /** Never: a stream's client has nothing to say. */
  endSilent(): void {
    return;
  }

  private add(frame: string): void {
    if (!this.isOpen || this.slow?.isMute === true) return;
    const event = this.parts.eventOf(frame);
    this.refusal = event.refusal ?? this.refusal;
    if (this.state === 'asked') {
      // Perhaps it will not be let in: then the end follows, and this is its reason.
      if (event.refusal !== null) return;
      this.state = 'open';
      this.answer.begin();
      this.parts.heartbeat.add(this);
      this.enqueue({ text: FIRST, bytes: FIRST.length });
    }
    this.enqueue(event);
  }

  private enqueue({ text, bytes }: Pick<FrameEvent, 'text' | 'bytes'>): void {
    this.waiting.push(text);
    this.waitingBytes += bytes;
    if (this.isDue) return;
    this.isDue = true;
    this.parts.flushSoon(this);
  }

  private moveTo(topic: string | null): void {
    const before = this.topic;
    if (before === topic) return;
    this.topic = topic;
    this.parts.moved(this, before, topic);
  }

  private over(code: number, why: string): void {
    if (this.state === 'open') this.parts.heartbeat.remove(this);
    this.state = 'over';
    this.waiting = [];
    this.waitingBytes = 0;
    this.awaited = null;
    this.moveTo(null);
    const { handler } = this;
    this.handler = null;
    handler?.closed(code, why);
  }
}
