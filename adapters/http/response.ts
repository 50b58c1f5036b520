import { type HttpResponse } from 'uWebSockets.js';
import { BodyWriter } from './body-writer.js';
import { toBytes, wholeBody, type Chunk } from './chunk.js';
import { alreadyFinished, streamDestroyed, writeAfterEnd } from './errors.js';
import { type BridgeRequest } from './request.js';
import { ResponseBase } from './response-base.js';
import { writeResponseHead, type ResponseHead } from './response-head.js';
import { type ResponseHost } from './response-host.js';
import { type BridgeSocket } from './socket.js';
import { asUtf8 } from './utf8.js';

type Callback = (error?: Error | null) => void;
type Encoding = BufferEncoding | Callback | null | undefined;

/** Larger answers are sent as fast as the client reads them, instead of being copied into uWS at once. */
const COPY_LIMIT_BYTES = 256 * 1024;

/**
 * Stands in for http.ServerResponse.
 *
 * `end` with the whole answer is one corked write. Anything else streams, with backpressure. After the client has left,
 * every call is safe and has no effect. `flushHeaders` fixes the head, which leaves with the first byte of the body: to
 * uWS of Node 22 and newer an empty piece is the whole answer.
 */
export class BridgeResponse extends ResponseBase {
  private writer: BodyWriter | undefined;
  /** Ends the answer; kept until the upload allows that, see `ResponseHost.mustHold`. */
  private deferredEnd: (() => void) | undefined;
  /** uWS has the whole body, whether or not `end` was called. */
  private wireDone = false;
  private waiting: Callback[] | undefined;

  constructor(
    readonly req: BridgeRequest,
    private readonly host: ResponseHost,
  ) {
    super();
  }

  get writableLength(): number {
    return this.writer?.backlog ?? 0;
  }

  get socket(): BridgeSocket {
    return this.req.socket;
  }

  get connection(): BridgeSocket {
    return this.req.socket;
  }

  flushHeaders(): void {
    this.settledHead();
  }

  /** False: wait for 'drain' before writing more. The bytes are accepted either way. */
  write(chunk: unknown, encoding?: Encoding, callback?: Callback): boolean {
    const then = typeof encoding === 'function' ? encoding : callback;
    const bytes = toBytes(chunk, typeof encoding === 'function' ? undefined : encoding);
    if (this.writableEnded) {
      this.refuse(writeAfterEnd(), then);
      return false;
    }
    const { native } = this.host;
    if (!native && !this.wireDone) {
      if (then) process.nextTick(then, streamDestroyed());
      return false;
    }
    const head = this.settledHead();
    if (!native || !this.hasBody || bytes.length === 0 || head.contentLength === 0) {
      // Bytes beyond the announced length are dropped: the client would take them for the next answer.
      if (then) process.nextTick(then);
      return true;
    }
    const taken = this.stream(native, head).write(bytes);
    if (!taken) this.writableNeedDrain = true;
    if (then && taken) process.nextTick(then);
    else if (then) (this.waiting ??= []).push(then);
    return taken;
  }

  /** Ends the answer; with the whole body it is one write. */
  end(chunk?: unknown, encoding?: Encoding, callback?: Callback): this {
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk as Callback);
    const then = typeof encoding === 'function' ? encoding : callback;
    if (this.writableEnded) {
      if (chunk) this.refuse(writeAfterEnd(), then);
      else if (then && this.writableFinished) process.nextTick(then, alreadyFinished());
      else if (then) this.once('finish', then);
      return this;
    }
    const body = wholeBody(chunk, typeof encoding === 'function' ? undefined : encoding);
    if (!this.host.native && !this.wireDone) {
      this.writableEnded = true;
      if (then) process.nextTick(then, streamDestroyed());
      return this;
    }
    const head = this.settledHead();
    this.writableEnded = true;
    if (then) this.once('finish', then);
    if (this.wireDone) this.finish();
    else if (this.host.mustHold(this.closes(head))) this.deferredEnd = () => this.complete(head, body);
    else this.complete(head, body);
    return this;
  }

  /** Closes the connection at once, unless the answer is already sent. */
  destroy(error?: Error): this {
    if (this.destroyed) return this;
    if (error) this.errored = error;
    this.host.kill();
    return this;
  }

  /** @internal The upload is over. Ends a deferred answer; true if there was one. */
  release(): boolean {
    const { deferredEnd } = this;
    this.deferredEnd = undefined;
    deferredEnd?.();
    return deferredEnd !== undefined;
  }

  /** @internal The client is gone. */
  abort(): void {
    const gone = this.waiting;
    this.waiting = undefined;
    this.deferredEnd = undefined;
    for (const callback of gone ?? []) callback(streamDestroyed());
    this.close();
  }

  /** @internal The bridge has answered in the handler's place. */
  overruled(status: number): void {
    this.statusCode = status;
    this.settledHead();
    this.writableEnded = true;
    this.finish();
  }

  /** @internal Emits what follows an answer. */
  emitFinished(): void {
    this.emit('finish');
    this.req.answered();
    this.close();
  }

  private get hasBody(): boolean {
    const { statusCode } = this;
    return this.req.method !== 'HEAD' && statusCode >= 200 && statusCode !== 204 && statusCode !== 304;
  }

  private closes(head: ResponseHead): boolean {
    return head.closes || this.host.mustClose;
  }

  private complete(head: ResponseHead, body: Chunk | undefined): void {
    const { native } = this.host;
    if (!native) return;
    const closes = this.closes(head);
    if (
      this.writer ||
      (this.hasBody && body !== undefined && (head.chunked || (!closes && body.length > COPY_LIMIT_BYTES)))
    ) {
      const bytes = body === undefined ? undefined : toBytes(body, undefined);
      const writer = this.writer ?? this.stream(native, head, head.chunked ? undefined : bytes?.length);
      writer.end(bytes);
      return;
    }
    native.cork(() => {
      if (this.hasBody) {
        // uWS writes "Connection: close" by itself, except if the client has asked for it.
        writeResponseHead(native, head, { close: this.host.closedByUws, utf8: typeof body === 'string' });
        native.end(typeof body === 'string' ? asUtf8(body) : (body ?? ''), closes);
      } else {
        if (this.host.readsNoMore) native.pause();
        writeResponseHead(native, head, { close: closes, contentLength: head.contentLength });
        // Without the length as an argument: uWS of 2023 would wait for that many bytes.
        native.endWithoutBody();
      }
    });
    this.wireDone = true;
    this.host.ended();
    this.finish();
  }

  private stream(native: HttpResponse, head: ResponseHead, total = head.contentLength): BodyWriter {
    return (this.writer ??= new BodyWriter(
      native,
      total,
      () => writeResponseHead(native, head, { close: this.closes(head) }),
      {
        drained: () => this.drained(),
        done: () => {
          this.wireDone = true;
          this.host.ended();
          if (this.writableEnded) this.finish();
        },
        tooShort: () => this.host.kill(),
      },
      this.host.readsNoMore,
    ));
  }

  private drained(): void {
    const taken = this.waiting;
    this.waiting = undefined;
    this.writableNeedDrain = false;
    try {
      for (const callback of taken ?? []) callback();
      this.emit('drain');
    } catch (cause) {
      this.host.fault(cause);
    }
  }

  private finish(): void {
    if (this.writableFinished) return;
    this.writableFinished = true;
    process.nextTick(emitFinished, this, this.host);
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.destroyed = true;
    this.emit('close');
  }

  private refuse(cause: Error, then: Callback | undefined): void {
    process.nextTick(() => {
      then?.(cause);
      if (!this.destroyed && this.listenerCount('error') > 0) this.emit('error', cause);
    });
  }
}

function emitFinished(response: BridgeResponse, host: ResponseHost): void {
  try {
    response.emitFinished();
  } catch (cause) {
    host.fault(cause);
  }
}
