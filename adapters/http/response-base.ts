import { EventEmitter } from 'node:events';
import { type OutgoingHttpHeaders } from 'node:http';
import { errorWithCode, headersSent } from './errors.js';
import { OutgoingHeaders } from './outgoing-headers.js';
import { addAll, HeadBuilder, statusLine, type HeadersIn, type ResponseHead } from './response-head.js';

const HIGH_WATER_MARK_BYTES = 64 * 1024;

/** The part of a response that comes before its body: status, headers, and the methods that have no effect here. */
export class ResponseBase extends EventEmitter {
  statusCode = 200;
  statusMessage: string | undefined = undefined;
  /** Has no effect: uWS always sends the date. */
  sendDate = true;
  destroyed = false;
  closed = false;
  errored: Error | null = null;
  writableEnded = false;
  writableFinished = false;
  writableNeedDrain = false;
  readonly writable = true;
  readonly writableObjectMode = false;
  readonly writableCorked = 0;
  readonly writableHighWaterMark = HIGH_WATER_MARK_BYTES;
  protected head: ResponseHead | undefined;
  private readonly stored = new OutgoingHeaders();

  get finished(): boolean {
    return this.writableEnded;
  }

  get headersSent(): boolean {
    return this.head !== undefined;
  }

  /** @throws ERR_HTTP_HEADERS_SENT, and for a name or value that is not valid. */
  setHeader(name: string, value: unknown): this {
    if (this.head) throw headersSent('set');
    this.stored.set(name, value);
    return this;
  }

  setHeaders(headers: Iterable<readonly [string, unknown]>): this {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this;
  }

  appendHeader(name: string, value: string | readonly string[]): this {
    if (this.head) throw headersSent('append');
    this.stored.append(name, value);
    return this;
  }

  removeHeader(name: string): void {
    if (this.head) throw headersSent('remove');
    this.stored.remove(name);
  }

  getHeader(name: string): OutgoingHttpHeaders[string] {
    return this.stored.get(name);
  }

  getHeaders(): OutgoingHttpHeaders {
    return this.stored.all();
  }

  getHeaderNames(): string[] {
    return this.stored.names();
  }

  getRawHeaderNames(): string[] {
    return this.stored.rawNames();
  }

  hasHeader(name: string): boolean {
    return this.stored.has(name);
  }

  /**
   * Fixes status and headers; they leave with the first byte of the body, or with `end`.
   *
   * @throws like node:http, for headers already sent, a status outside 100–999, or a header that is not valid.
   */
  writeHead(code: number, message?: string | HeadersIn, headers?: HeadersIn): this {
    if (this.head) throw headersSent('write');
    const status = Math.trunc(code);
    if (!(status >= 100 && status <= 999)) {
      throw errorWithCode(RangeError, 'ERR_HTTP_INVALID_STATUS_CODE', `Invalid status code: ${code}`);
    }
    const text = typeof message === 'string' ? message : this.statusMessage;
    // Reset first: if it is refused, the error page that follows must not fail for it, too.
    this.statusMessage = undefined;
    const line = statusLine(status, text);
    const given = typeof message === 'string' ? headers : (headers ?? message);
    const builder = new HeadBuilder();
    if (this.stored.empty) {
      if (given) addAll(given, (name, value) => builder.add(name, value));
    } else {
      if (given) addAll(given, (name, value) => this.stored.set(name, value));
      this.stored.addTo(builder);
    }
    this.statusCode = status;
    this.statusMessage = line.slice(line.indexOf(' ') + 1);
    this.head = builder.build(line);
    return this;
  }

  /** Has no effect: uWS ends a chunked body by itself, without trailers. */
  addTrailers(): void {
    return;
  }

  /** Sends nothing: uWS itself answers "Expect: 100-continue". */
  writeContinue(callback?: () => void): void {
    if (callback) process.nextTick(callback);
  }

  /** Sends nothing: there are no informational answers here. */
  writeProcessing(callback?: () => void): void {
    if (callback) process.nextTick(callback);
  }

  /** Sends nothing: there are no informational answers here. */
  writeEarlyHints(_hints: unknown, callback?: () => void): void {
    if (callback) process.nextTick(callback);
  }

  /** Has no effect: uWS has its own time limits. */
  setTimeout(): this {
    return this;
  }

  /** Has no effect: every write is corked already. */
  cork(): void {
    return;
  }

  /** Has no effect: every write is corked already. */
  uncork(): void {
    return;
  }

  /** The head; fixes it as it stands if there was no `writeHead`. */
  protected settledHead(): ResponseHead {
    if (!this.head) this.writeHead(this.statusCode);
    return this.head ?? new HeadBuilder().build(statusLine(this.statusCode));
  }
}
