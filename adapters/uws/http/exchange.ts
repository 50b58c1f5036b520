import { type HttpResponse } from 'uWebSockets.js';
import { uploadRefused } from './errors.js';
import { refuse } from './refusals.js';
import { tooLarge, type RequestHead } from './request-head.js';
import { BridgeRequest, type RequestHost } from './request.js';
import { BridgeResponse } from './response.js';
import { type ResponseHost } from './response-host.js';

export interface ExchangeLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
}

export interface ExchangeEvents {
  /** Answered, or the client is gone. Once. */
  settled(): void;
  /** The handler or a listener of the application threw. */
  fault(cause: unknown): void;
  /** Whether every answer is now the last one of its connection, because the server goes down. */
  isClosing(): boolean;
}

type Handler = (request: BridgeRequest, response: BridgeResponse) => void;

/** How long the application may take to answer an upload that was refused half-way. */
const REFUSAL_GRACE_MS = 1_000;

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

  /** The client asked for it, or cannot be trusted any more. */
  private isLast: boolean;
  private received = 0;
  private uploading: boolean;
  private refused = false;
  private paused = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    native: HttpResponse,
    private readonly head: RequestHead,
    private readonly limits: ExchangeLimits,
    private readonly events: ExchangeEvents,
  ) {
    this.native = native;
    this.isLast = head.clientCloses;
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
    this.stopTimer();
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
    if (this.head.bodyBytes === undefined) this.startTimer();
  }

  data(bytes: ArrayBuffer, last: boolean): void {
    if (!this.uploading || !this.native) return;
    this.received += bytes.byteLength;
    try {
      if (this.received > this.limits.maxBodyBytes) {
        this.refuseUpload(413, tooLarge(this.limits.maxBodyBytes).detail);
      } else if (!this.refused && bytes.byteLength > 0) {
        // The bytes die with this callback.
        this.request.receive(Buffer.from(new Uint8Array(bytes)));
      }
      if (last) this.uploaded();
      else if (!this.timer) this.startTimer();
    } catch (cause) {
      this.crash(cause);
    }
  }

  private uploaded(): void {
    this.uploading = false;
    if (this.refused) return;
    this.stopTimer();
    this.request.receiveEnd();
    this.response.release();
  }

  /** Over the limit or too slow: reads no more, lets the application answer if it listens, and closes. */
  private refuseUpload(status: 408 | 413, detail: string): void {
    if (this.refused || !this.native) return;
    this.pauseUpload();
    this.refused = true;
    this.isLast = true;
    this.stopTimer();
    const heard = this.request.refuse(uploadRefused(status, detail));
    if (this.response.release()) return;
    if (!heard) this.overrule(status, detail);
    else if (this.native)
      this.timer = setTimeout(() => this.overrule(status, detail), REFUSAL_GRACE_MS).unref();
  }

  private crash(cause: unknown): void {
    this.events.fault(cause);
    this.overrule(500, 'a fault on our side');
  }

  private overrule(status: 408 | 413 | 500, detail: string): void {
    const { native } = this;
    if (!native) return;
    if (this.response.headersSent) {
      this.kill();
      return;
    }
    refuse(native, status, detail);
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

  private startTimer(): void {
    this.timer = setTimeout(() => {
      this.refuseUpload(408, `the body took longer than ${this.limits.bodyTimeoutMs} ms`);
    }, this.limits.bodyTimeoutMs).unref();
  }

  private stopTimer(): void {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
