import { EventEmitter } from 'node:events';
import { type IncomingHttpHeaders } from 'node:http';
import { type ReadableOptions } from 'node:stream';
import { clientGone } from './errors.js';
import { type RequestHead } from './request-head.js';
import { BridgeSocket, type SocketHost } from './socket.js';
import { build, skipToEnd, UnbuiltReadable } from './unbuilt-readable.js';

/** What a request needs from the exchange it belongs to. */
export interface RequestHost extends SocketHost {
  /** Stop and resume reading the body from the connection. */
  pauseUpload(): void;
  resumeUpload(): void;
}

type Listener = (...args: never[]) => void;

/** Bytes of a body that a real stream buffers before the connection is not read any more. */
const STREAM_BUFFER_BYTES = 64 * 1024;

/**
 * Stands in for http.IncomingMessage.
 *
 * As long as it is read by 'data' and 'end' listeners only, as Fastify's parsers do, it is a plain emitter, which is far
 * cheaper. Any other use as a stream (pipe, for await, pause, setEncoding, stream.pipeline …) turns it into a real Readable
 * at that moment. 'close' is emitted once, after the answer or when the client is gone, but not already after 'end'.
 */
export class BridgeRequest extends UnbuiltReadable {
  method: string;
  url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly httpVersion = '1.1';
  readonly httpVersionMajor = 1;
  readonly httpVersionMinor = 1;
  readonly trailers = {};
  readonly rawTrailers: readonly string[] = [];
  /** The client left before the answer was complete. */
  aborted = false;
  /** The whole body has arrived. */
  complete: boolean;

  private waiting: Buffer[] | undefined;
  private flowing = false;
  private built = false;
  private ended = false;
  private discarding = false;
  private shim: BridgeSocket | undefined;

  constructor(
    head: RequestHead,
    private readonly host: RequestHost,
  ) {
    super();
    this.method = head.method;
    this.url = head.url;
    this.headers = head.headers;
    this.rawHeaders = head.rawHeaders;
    this.complete = head.bodyBytes === 0;
  }

  get socket(): BridgeSocket {
    return (this.shim ??= new BridgeSocket(this.host));
  }

  get connection(): BridgeSocket {
    return this.socket;
  }

  /** One entry a line, never joined. */
  get headersDistinct(): Record<string, string[]> {
    const distinct: Record<string, string[]> = {};
    for (let at = 0; at < this.rawHeaders.length; at += 2) {
      (distinct[this.rawHeaders[at] ?? ''] ??= []).push(this.rawHeaders[at + 1] ?? '');
    }
    return distinct;
  }

  /** Has no effect: uWS has time limits of its own. */
  setTimeout(): this {
    return this;
  }

  /** A part of the body has arrived; the request keeps `chunk`. */
  receive(chunk: Buffer): void {
    if (this.discarding) return;
    if (this.built) {
      if (!super.push(chunk)) this.host.pauseUpload();
    } else if (this.flowing && this.waiting === undefined) {
      this.emit('data', chunk);
    } else {
      (this.waiting ??= []).push(chunk);
    }
  }

  /** The body is complete. */
  receiveEnd(): void {
    this.complete = true;
    if (this.discarding) return;
    if (this.built) super.push(null);
    else if (this.flowing && this.waiting === undefined) this.endThin();
  }

  /** Whether the application reads the body as it arrives. */
  get consumed(): boolean {
    return this.listenerCount('data') > 0 || this.listenerCount('readable') > 0;
  }

  /** Drops the rest of the body: nobody will read it. */
  discard(): void {
    if (this.ended || this.complete) return;
    this.discarding = true;
    this.waiting = undefined;
    this.host.resumeUpload();
  }

  /** The body is refused before it is complete. True if the application listens for errors, and so may answer. */
  refuse(cause: Error): boolean {
    const hasListener = this.listenerCount('error') > 0;
    this.discarding = true;
    this.waiting = undefined;
    this.fail(cause);
    return hasListener;
  }

  /** The client has left before its answer was complete. */
  abort(): void {
    this.aborted = true;
    this.shim?.closed();
    this.emit('aborted');
    this.fail(this.complete ? undefined : clientGone());
    this.waiting = undefined;
    this.emit('close');
  }

  /** The answer is sent. */
  answered(): void {
    this.waiting = undefined;
    // For a reader that is still behind, 'close' before 'end' would mean that the body was cut off.
    if (this.built && this.consumed && !this.readableEnded) this.once('end', () => this.emit('close'));
    else this.emit('close');
  }

  override on(event: string | symbol, listener: Listener): this {
    const listen = listener as (...args: unknown[]) => void;
    if (this.built || event === 'readable') return super.on(event, listen);
    EventEmitter.prototype.on.call(this, event, listen);
    if (event === 'data') this.flow();
    return this;
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  override removeListener(event: string | symbol, listener: Listener): this {
    const listen = listener as (...args: unknown[]) => void;
    if (this.built) return super.removeListener(event, listen);
    EventEmitter.prototype.removeListener.call(this, event, listen);
    return this;
  }

  override off(event: string | symbol, listener: Listener): this {
    return this.removeListener(event, listener);
  }

  override resume(): this {
    if (this.built) return super.resume();
    this.flow();
    return this;
  }

  override _read(): void {
    this.host.resumeUpload();
  }

  /** Closes the connection unless the answer is already sent, like node:http. */
  override destroy(error?: Error): this {
    if (this.built) super.destroy(this.listenerCount('error') > 0 ? error : undefined);
    this.host.kill();
    return this;
  }

  /** Whatever in Node treats this object as a stream reads this first, so here it becomes one. */
  get _readableState(): unknown {
    // Read on the prototype, which is not a request.
    if (!Object.hasOwn(this, 'built')) return undefined;
    this.becomeStream();
    return Object.getOwnPropertyDescriptor(this, '_readableState')?.value as unknown;
  }

  set _readableState(state: unknown) {
    Object.defineProperty(this, '_readableState', { value: state, writable: true, enumerable: false });
  }

  private becomeStream(): void {
    this.built = true;
    // autoDestroy would close the request, and with it the connection, as soon as the body has been read.
    const options: ReadableOptions = {
      highWaterMark: STREAM_BUFFER_BYTES,
      autoDestroy: false,
      emitClose: false,
    };
    build(this, options);
    for (const chunk of this.waiting ?? []) super.push(chunk);
    this.waiting = undefined;
    if (this.ended) skipToEnd(this._readableState);
    else if (this.complete) super.push(null);
    if (this.flowing) super.resume();
    if (this.aborted) super.destroy();
  }

  private flow(): void {
    if (this.flowing) return;
    this.flowing = true;
    if (this.waiting === undefined && !this.complete) return;
    // node:http delivers on the next tick too: the caller still has to attach 'end' and 'error'.
    this.waiting ??= [];
    process.nextTick(flush, this);
  }

  /** @internal Delivers what arrived before there was a listener. */
  deliver(): void {
    const chunks = this.waiting ?? [];
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      this.emit('data', chunk);
      if (this.built) return;
    }
    this.waiting = undefined;
    if (this.complete && !this.built && !this.discarding) this.endThin();
  }

  private endThin(): void {
    if (this.ended) return;
    this.ended = true;
    this.emit('end');
  }

  private fail(cause: Error | undefined): void {
    const hasListener = this.listenerCount('error') > 0;
    if (this.built) super.destroy(hasListener ? cause : undefined);
    else if (cause && hasListener) this.emit('error', cause);
  }
}

function flush(request: BridgeRequest): void {
  request.deliver();
}
