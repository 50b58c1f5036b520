import { type HttpResponse } from 'uWebSockets.js';
import { uploadRefused } from './errors.js';
import { refuse, type RefusalAnswer, type Refused } from './refusals.js';
import { tooLarge, type RefusalStatus, type RequestHead } from './request-head.js';
import { BridgeRequest, type RequestHost } from './request.js';
import { BridgeResponse } from './response.js';
import { type ResponseHost } from './response-host.js';

export interface ExchangeLimits {
  readonly maxBodyBytes: number;
  /** For the whole body, ms. */
  readonly bodyTimeoutMs: number;
  /** Between two pieces of it, ms. */
  readonly bodyPauseMs: number;
}

export interface ExchangeEvents {
  /** Answered, or the client is gone. Once. */
  settled(): void;
  /** The handler or a listener of the application threw. */
  fault(cause: unknown): void;
  /** The answer to a request that is refused in the application's place. */
  refusal(refused: Refused): RefusalAnswer;
  /** Whether every answer is now the last one of its connection, because the server goes down. */
  isClosing(): boolean;
}

type Handler = (request: BridgeRequest, response: BridgeResponse) => void;

/** How long the application may take to answer an upload that was refused half-way. */
const REFUSAL_GRACE_MS = 1_000;

/**
 * uWS takes a chunk extension (`c;a=b`, RFC 9112 section 7.1.1) for further digits of the chunk's size. It then waits for
 * bytes that never come, and takes the end of the body for a part of it. A body that really holds such bytes does not
 * stop there, or only for an instant.
 */
const CHUNKS_END = Buffer.from('\r\n0\r\n\r\n');
const UNREADABLE_MS = 500;
const UNREADABLE =
  'the chunks of the body cannot be read: send it with a content-length, or without chunk extensions';

function endsLikeChunks(bytes: Buffer): boolean {
  return bytes.subarray(-CHUNKS_END.length).equals(CHUNKS_END);
}

/**
 * One request and its answer: owns the native response, which nobody may touch after the end or an abort, and
 * the upload, which may outlast the answer.
 */
export class Exchange implements RequestHost, ResponseHost {
  native: HttpResponse | undefined;
  readonly closedByUws: boolean;
  readonly remoteAddress: ArrayBuffer;
  readonly request: BridgeRequest;
  readonly response: BridgeResponse;

  /**
   * The body comes in chunks. uWS reads them loosely: where this request ends is not certain, so nothing that follows it
   * on the connection may be taken for a request (RFC 9112 section 11.2). Such a request is answered in a later turn than
   * the one that brought its last byte: uWS then closes the connection where more came along with it.
   */
  private readonly isChunked: boolean;
  /** The client asked for it, or cannot be trusted any more. */
  private isLast: boolean;
  private readonly since = performance.now();
  private received = 0;
  private uploading: boolean;
  private refused = false;
  private paused = false;
  private timer: NodeJS.Timeout | undefined;
  private pauseTimer: NodeJS.Timeout | undefined;
  /** What has come of the chunks ends as chunks end, although uWS waits for more. */
  private mayHaveEnded = false;

  constructor(
    native: HttpResponse,
    private readonly head: RequestHead,
    private readonly limits: ExchangeLimits,
    private readonly events: ExchangeEvents,
  ) {
    this.native = native;
    this.isChunked = head.bodyBytes === undefined;
    this.isLast = head.clientCloses || this.isChunked;
    this.closedByUws = head.closedByUws;
    this.uploading = head.bodyBytes !== 0;
    // Not even the address can be read once the answer is out.
    this.remoteAddress = native.getRemoteAddress();
    this.request = new BridgeRequest(head, this);
    this.response = new BridgeResponse(this.request, this);
  }

  get mustClose(): boolean {
    return this.isLast || this.events.isClosing();
  }

  get readsNoMore(): boolean {
    return this.isChunked && !this.closedByUws;
  }

  /** Attaches to uWS and calls the application. Nothing it throws gets out. */
  start(handler: Handler): void {
    const { native } = this;
    if (!native) return;
    native.onAborted(() => this.aborted());
    if (this.uploading) this.receiveFrom(native);
    this.call(handler);
  }

  /** Calls the application. Whoever has attached to uWS tells what arrives, by `data` and `aborted`. */
  call(handler: Handler): void {
    try {
      handler(this.request, this.response);
    } catch (cause) {
      this.crash(cause);
    }
  }

  mustHold(closing: boolean): boolean {
    if (!this.uploading || this.refused) return false;
    // After the end uWS tells neither of more bytes nor of a client that left.
    if (this.request.consumed) return true;
    this.request.discard();
    // A body of a known length that is still coming in is bounded, and uWS drops it.
    return closing || this.head.bodyBytes === undefined;
  }

  ended(): void {
    if (!this.native) return;
    this.native = undefined;
    this.stopTimers();
    this.events.settled();
  }

  kill(): void {
    // uWS calls back to `aborted` before this returns.
    this.native?.close();
  }

  fault(cause: unknown): void {
    this.events.fault(cause);
  }

  pauseUpload(): void {
    if (this.paused || !this.native || !this.uploading) return;
    this.paused = true;
    this.native.pause();
  }

  resumeUpload(): void {
    if (!this.paused || this.refused) return;
    this.paused = false;
    this.native?.resume();
  }

  private receiveFrom(native: HttpResponse): void {
    native.onData((bytes, last) => this.data(bytes, last));
    // A short body comes in the same turn as its head, and needs no timer; chunks may never come.
    if (this.isChunked) this.watchUpload();
  }

  data(bytes: ArrayBuffer, last: boolean): void {
    if (!this.uploading || !this.native) return;
    this.received += bytes.byteLength;
    try {
      if (this.received > this.limits.maxBodyBytes) {
        this.refuseUpload(413, tooLarge(this.limits.maxBodyBytes).detail);
      } else if (!this.refused && bytes.byteLength > 0) {
        // The bytes die with this callback.
        const copy = Buffer.from(new Uint8Array(bytes));
        if (this.isChunked) this.mayHaveEnded = endsLikeChunks(copy);
        this.request.receive(copy);
      }
      if (!last) this.watchUpload();
      else if (this.isChunked) setImmediate(() => this.uploadedLater());
      else this.uploaded();
    } catch (cause) {
      this.crash(cause);
    }
  }

  private uploadedLater(): void {
    try {
      this.uploaded();
    } catch (cause) {
      this.crash(cause);
    }
  }

  private uploaded(): void {
    if (!this.native) return;
    this.uploading = false;
    if (this.refused) return;
    this.stopTimers();
    this.request.receiveEnd();
    this.response.release();
  }

  /** Over the limit, too slow or unreadable: reads no more, lets the application answer if it listens, and closes. */
  private refuseUpload(status: 400 | 408 | 413, detail: string): void {
    if (this.refused || !this.native) return;
    this.pauseUpload();
    this.refused = true;
    this.isLast = true;
    this.stopTimers();
    if (this.isChunked) setImmediate(() => this.tellRefusal(status, detail));
    else this.tellRefusal(status, detail);
  }

  private tellRefusal(status: 400 | 408 | 413, detail: string): void {
    if (!this.native) return;
    const heard = this.request.refuse(uploadRefused(status, detail));
    if (this.response.release()) return;
    if (!heard) this.overrule(status, detail);
    else if (this.native)
      this.timer = setTimeout(() => this.overrule(status, detail), REFUSAL_GRACE_MS).unref();
  }

  private crash(cause: unknown): void {
    this.events.fault(cause);
    if (this.isChunked) setImmediate(() => this.overrule(500, 'a fault on our side'));
    else this.overrule(500, 'a fault on our side');
  }

  private overrule(status: RefusalStatus, detail: string): void {
    const { native } = this;
    if (!native) return;
    if (this.response.headersSent) {
      this.kill();
      return;
    }
    const { method, url, headers } = this.head;
    const ms = performance.now() - this.since;
    const refused = { status, detail, method, url, headers, ms, raw: this.request };
    refuse(native, status, this.events.refusal(refused));
    this.ended();
    this.response.overruled(status);
  }

  aborted(): void {
    if (!this.native) return;
    this.ended();
    this.request.aborted = true;
    this.response.destroyed = true;
    process.nextTick(() => {
      // Each has its own listeners: what one throws must not keep the news from the other.
      for (const party of [this.request, this.response]) {
        try {
          party.abort();
        } catch (cause) {
          this.events.fault(cause);
        }
      }
    });
  }

  /** Starts the time that the whole body has, once, and the time until its next piece, anew with each. */
  private watchUpload(): void {
    const { bodyTimeoutMs, bodyPauseMs } = this.limits;
    this.timer ??= setTimeout(
      () => this.refuseUpload(408, `the body took longer than ${bodyTimeoutMs} ms`),
      bodyTimeoutMs,
    ).unref();
    if (this.pauseTimer) clearTimeout(this.pauseTimer);
    const ms = this.mayHaveEnded ? Math.min(UNREADABLE_MS, bodyPauseMs) : bodyPauseMs;
    this.pauseTimer = setTimeout(() => this.pausedTooLong(), ms).unref();
  }

  private pausedTooLong(): void {
    if (this.mayHaveEnded) this.refuseUpload(400, UNREADABLE);
    // While the application is not reading, the client cannot be blamed.
    else if (this.paused) this.watchUpload();
    else this.refuseUpload(408, `nothing more of the body came for ${this.limits.bodyPauseMs} ms`);
  }

  private stopTimers(): void {
    clearTimeout(this.timer);
    clearTimeout(this.pauseTimer);
    this.timer = this.pauseTimer = undefined;
  }
}
