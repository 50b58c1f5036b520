import { STATUS_CODES, validateHeaderName, validateHeaderValue, type OutgoingHttpHeaders } from 'node:http';
import { type HttpResponse } from 'uWebSockets.js';
import { errorWithCode } from './errors.js';

/** Headers as node:http's `writeHead` takes them. */
export type HeadersIn = OutgoingHttpHeaders | readonly (string | number | readonly string[])[];
export type HeaderValue = string | number | readonly string[];

/** A checked head, ready to be written. No name or value contains a byte that could end a line. */
export interface ResponseHead {
  readonly status: string;
  /** Name, value, name, value … without those of the framing, which uWS writes itself. */
  readonly lines: readonly string[];
  readonly contentLength: number | undefined;
  /** The handler asked for a chunked body. */
  readonly chunked: boolean;
  /** The handler wants the connection closed after this answer. */
  readonly closes: boolean;
}

const CLOSE = /(?:^|\W)close(?:$|\W)/i;
const CHUNKED = /(?:^|\W)chunked(?:$|\W)/i;
const OUTSIDE_STATUS = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * What follows the version in a status line; without a message, with the one that node:http has for the code.
 *
 * @throws with `code` ERR_INVALID_CHAR for text that could end the status line.
 */
export function statusLine(code: number, message?: string): string {
  if (!message) return `${code} ${STATUS_CODES[code] ?? 'unknown'}`;
  if (OUTSIDE_STATUS.test(message)) {
    throw errorWithCode(TypeError, 'ERR_INVALID_CHAR', 'Invalid character in statusMessage');
  }
  return `${code} ${message}`;
}

/** @throws what node:http throws: ERR_INVALID_HTTP_TOKEN, ERR_HTTP_INVALID_HEADER_VALUE, ERR_INVALID_CHAR. */
export function checkHeader(name: string, value: unknown): asserts value is HeaderValue {
  validateHeaderName(name);
  // node:http takes anything here and refuses undefined; its types say string.
  validateHeaderValue(name, value as string);
}

/** Collects headers, checks them, and takes out those that decide how the body is framed. */
export class HeadBuilder {
  private readonly lines: string[] = [];
  private contentLength: number | undefined;
  private chunked = false;
  private closes = false;

  /** @throws like {@link checkHeader}. */
  add(name: string, value: unknown): void {
    if (Array.isArray(value)) {
      for (const one of value as unknown[]) this.add(name, one);
      return;
    }
    checkHeader(name, value);
    this.put(name, String(value));
  }

  build(status: string): ResponseHead {
    const { lines, contentLength, chunked, closes } = this;
    return { status, lines, contentLength: chunked ? undefined : contentLength, chunked, closes };
  }

  private put(name: string, value: string): void {
    switch (name.toLowerCase()) {
      case 'content-length': {
        const bytes = Number(value);
        if (Number.isSafeInteger(bytes) && bytes >= 0) this.contentLength = bytes;
        return;
      }
      case 'transfer-encoding':
        this.chunked = CHUNKED.test(value);
        return;
      case 'connection':
        if (CLOSE.test(value)) this.closes = true;
        else this.lines.push(name, value);
        return;
      // uWS always writes the date, and there are no trailers to announce.
      case 'date':
      case 'trailer':
        return;
      default:
        this.lines.push(name, value);
    }
  }
}

/** Adds what `writeHead` was given: an object, or a flat array of names and values. */
export function addAll(headers: HeadersIn, add: (name: string, value: unknown) => void): void {
  if (Array.isArray(headers)) {
    const flat = headers as readonly unknown[];
    if (flat.length % 2 !== 0)
      throw errorWithCode(TypeError, 'ERR_INVALID_ARG_VALUE', 'headers must be name, value, …');
    for (let at = 0; at < flat.length; at += 2) add(String(flat[at]), flat[at + 1]);
    return;
  }
  const named = headers as OutgoingHttpHeaders;
  for (const name of Object.keys(named)) add(name, named[name]);
}

/** How a head is written. */
export interface HeadStyle {
  /** Write "Connection: close", because uWS does not. */
  readonly close: boolean;
  /** Write characters beyond ASCII as UTF-8 instead of Latin-1, as node:http does if the body is a string. */
  readonly utf8?: boolean;
  /** Write this content-length. If undefined, uWS writes it, or there is none. */
  readonly contentLength?: number | undefined;
}

/** Writes a head into a corked response. uWS writes the blank line behind it, with the body. */
export function writeResponseHead(native: HttpResponse, head: ResponseHead, style: HeadStyle): void {
  const { lines } = head;
  const bytes = (text: string): Buffer => Buffer.from(text, style.utf8 ? 'utf8' : 'latin1');
  const plain = (text: string): string | Buffer => (isAscii(text) ? text : bytes(text));

  if (head.status !== '200 OK') native.writeStatus(plain(head.status));
  if (style.close) native.writeHeader('Connection', 'close');
  for (let at = 0; at < lines.length; at += 2) {
    native.writeHeader(lines[at] ?? '', plain(lines[at + 1] ?? ''));
  }
  if (style.contentLength !== undefined) native.writeHeader('Content-Length', String(style.contentLength));
}

// eslint-disable-next-line no-control-regex -- the range of ASCII starts at a control character
const BEYOND_ASCII = /[^\x00-\x7f]/;

function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text);
}
