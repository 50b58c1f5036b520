import { type HttpResponse } from 'uWebSockets.js';
import { uploadRefused } from './errors.js';
import { refuse, type RefusalAnswer, type Refused } from './refusals.js';
import { tooLarge, type RefusalStatus, type RequestHead } from './request-head.js';
import { BridgeRequest, type RequestHost } from './request.js';
import { BridgeResponse } from './response.js';
import { type ResponseHost } from './response-host.js';
import { UploadWatch, type UploadLimits } from './upload-watch.js';

export interface ExchangeLimits extends UploadLimits {
  readonly maxBodyBytes: number;
}

export interface ExchangeEvents {
  /** The request is answered, or the client is gone. Called once. */
  settled(): void;
  /** A handler or listener of the application threw. */
  fault(cause: unknown): void;
  /** Makes the answer to a request that the bridge refuses. */
  refusal(refused: Refused): RefusalAnswer;
  /** Whether every answer has to close its connection, because the server shuts down. */
  isClosing(): boolean;
}

type Handler = (request: BridgeRequest, response: BridgeResponse) => void;

/** How long the application may take to answer after its upload was refused, ms. Then the bridge answers. */
const REFUSAL_GRACE_MS = 1_000;

/**
 * One request and its answer. Owns the native response, which must not be used after the answer or an abort, and the
 * upload, which may outlast the answer.
 */
export class Exchange implements RequestHost, ResponseHost {
  native: HttpResponse | undefined;
  readonly closedByUws: boolean;
  readonly remoteAddress: ArrayBuffer;
  readonly request: BridgeRequest;
  readonly response: BridgeResponse;

  /**
   * The body is chunked. uWS parses chunks loosely, so it is uncertain where this request ends, and nothing that follows
   * on the connection may be taken for a request (RFC 9112 section 11.2). Therefore it is answered in a later turn than
   * the one in which its last byte arrived: if more bytes arrived with that, uWS then closes the connection.
   */
  private readonly isChunked: boolean;
  /** Nothing that follows on the connection is read: the client asked for that, or cannot be trusted any more. */
  private isLast: boolean;
  private readonly since = performance.now();
  private received = 0;
  private uploading: boolean;
  private refused = false;
  private paused = false;
  /** Null while no timer is needed: a short body arrives in the same turn as its head. */
  private uploadWatch: UploadWatch | null = null;
  private refusalTimer: NodeJS.Timeout | undefined;

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
    // Read now: once the answer is sent, the native response may not even be asked for the address.
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

  /** Attaches to uWS and calls the application. Never throws. */
  start(handler: Handler): void {
    const { native } = this;
    if (!native) return;
    native.onAborted(() => this.aborted());
    if (this.uploading) this.receiveFrom(native);
    this.call(handler);
  }

  /** Calls the application. For a caller that is attached to uWS itself and passes on events by `data` and `aborted`. */
  call(handler: Handler): void {
    try {
      handler(this.request, this.response);
    } catch (cause) {
      this.crash(cause);
    }
  }

  mustHold(closing: boolean): boolean {
    if (!this.uploading || this.refused) return false;
    // After the answer uWS reports neither more bytes nor a client that left, so a reader would wait for ever.
    if (this.request.consumed) return true;
    this.request.discard();
    // The rest of a body of known length is bounded, and uWS drops it.
    return closing || this.head.bodyBytes === undefined;
  }

  ended(): void {
    if (!this.native) return;
    this.native = undefined;
    this.stopTimers();
    this.events.settled();
  }

  kill(): void {
    // uWS calls `aborted` before this returns.
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
    // Chunks may never arrive.
    if (this.isChunked) this.watch.goOn(0);
  }

  data(bytes: ArrayBuffer, last: boolean): void {
    if (!this.uploading || !this.native) return;
    this.received += bytes.byteLength;
    try {
      if (this.received > this.limits.maxBodyBytes) {
        this.refuseUpload(413, tooLarge(this.limits.maxBodyBytes).detail);
      } else if (!this.refused && bytes.byteLength > 0) {
        // uWS reuses the memory after this callback.
        const copy = Buffer.from(new Uint8Array(bytes));
        if (this.isChunked) this.watch.chunked(copy);
        this.request.receive(copy);
      }
      if (!last) this.watch.goOn(bytes.byteLength);
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

  /**
   * For a body that is too large, too slow or unreadable: stops reading, lets the application answer if it listens for
   * errors, and closes the connection.
   */
  private refuseUpload(status: 400 | 408 | 413, detail: string): void {
    if (this.refused || !this.native) return;
    this.pauseUpload();
    this.refused = true;
    this.isLast = true;
    this.stopTimers();
    if (this.isChunked) setImmediate(() => this.answerRefusal(status, detail));
    else this.answerRefusal(status, detail);
  }

  private answerRefusal(status: 400 | 408 | 413, detail: string): void {
    if (!this.native) return;
    const hasListener = this.request.refuse(uploadRefused(status, detail));
    if (this.response.release()) return;
    if (!hasListener) this.overrule(status, detail);
    else if (this.native)
      this.refusalTimer = setTimeout(() => this.overrule(status, detail), REFUSAL_GRACE_MS).unref();
  }

  private crash(cause: unknown): void {
    this.events.fault(cause);
    if (this.isChunked) setImmediate(() => this.overrule(500, 'a fault on our side'));
    else this.overrule(500, 'a fault on our side');
  }

  /** Answers in the application's place, or closes the connection if the application's answer has begun. */
  private overrule(status: RefusalStatus, detail: string): void {
    const { native } = this;
    if (!native) return;
    if (this.response.headersSent) {
      this.kill();
      return;
    }
    const { method, url, headers } = this.head;
    const ms = performance.now() - this.since;
    const peer = this.request.socket.remoteAddress;
    const refused = { status, detail, method, url, headers, peer, ms, raw: this.request };
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
      // Each has listeners of its own: if one throws, the other must be informed all the same.
      for (const half of [this.request, this.response]) {
        try {
          half.abort();
        } catch (cause) {
          this.events.fault(cause);
        }
      }
    });
  }

  private get watch(): UploadWatch {
    this.uploadWatch ??= new UploadWatch(this.limits, {
      isPaused: () => this.paused,
      refuse: (status, detail) => this.refuseUpload(status, detail),
    });
    return this.uploadWatch;
  }

  private stopTimers(): void {
    this.uploadWatch?.stop();
    clearTimeout(this.refusalTimer);
    this.refusalTimer = undefined;
  }
}
