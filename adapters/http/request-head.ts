import { METHODS, type IncomingHttpHeaders } from 'node:http';
import { type HttpRequest } from 'uWebSockets.js';

/** The head of a request, copied: uWS's own request object is valid during its callback only. */
export interface RequestHead {
  readonly method: string;
  /** Path and query exactly as sent, percent signs included. */
  readonly url: string;
  /** Lines of one name are joined as node:http joins them. */
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value … as sent, except that uWS lowercases the names. */
  readonly rawHeaders: readonly string[];
  /** Bytes of the body: undefined when it is chunked, 0 when there is none. */
  readonly bodyBytes: number | undefined;
  /** uWS will close the connection after the answer by itself, because the client asked for that. */
  readonly closedByUws: boolean;
  /** The client asked for the connection to be closed after the answer. */
  readonly clientCloses: boolean;
}

/** The statuses with which the bridge refuses requests. */
export type RefusalStatus = 400 | 408 | 413 | 417 | 500;

/** Why a request never reaches the application. */
export interface Refusal {
  readonly status: 400 | 413 | 417;
  readonly detail: string;
}

/** What is known of a request that is refused for its head. */
export interface RefusedHead extends Refusal, Pick<RequestHead, 'method' | 'headers'> {
  /** As sent, except that a byte no URL contains is a question mark: fit for a log. */
  readonly url: string;
}

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== 'CONNECT'));

/** Headers of which node:http keeps the first line and drops the others (`matchKnownFields`, lib/_http_incoming.js). */
const FIRST_LINE_WINS: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
]);

// eslint-disable-next-line no-control-regex -- the range of ASCII starts at a control character
const BEYOND_ASCII = /[^\x00-\x7f]/;
const CLOSE = /(?:^|\W)close(?:$|\W)/i;
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;
const OUTSIDE_URL = /[^\x21-\x7e]/g;
const DIGITS = /^\d+$/;
/** uWS takes any Connection header of this length for "close". */
const CLOSE_LENGTH = 5;

/** For longer texts counting bytes is faster than the expression: 0.25 instead of 1 µs for a token of 500 characters. */
const SHORT = 64;

function isAscii(text: string): boolean {
  return text.length > SHORT ? Buffer.byteLength(text) === text.length : !BEYOND_ASCII.test(text);
}

/** uWS decodes headers as UTF-8; node:http decodes them as Latin-1, one character for each byte. */
function latin1(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function addHeader(headers: IncomingHttpHeaders, name: string, value: string): void {
  const before = headers[name];
  if (typeof before === 'string') {
    if (!FIRST_LINE_WINS.has(name)) headers[name] = before + (name === 'cookie' ? '; ' : ', ') + value;
  } else if (name === 'set-cookie') {
    (headers['set-cookie'] ??= []).push(value);
  } else {
    headers[name] = value;
  }
}

/** Copies the head of a request, or says why it must be refused. */
export function readHead(req: HttpRequest, maxBodyBytes: number): RequestHead | RefusedHead {
  const method = req.getCaseSensitiveMethod();
  const url = urlOf(req);
  const headers: IncomingHttpHeaders = {};
  const rawHeaders: string[] = [];
  let lengths = 0;
  let codings = 0;
  let hosts = 0;
  req.forEach((name, sent) => {
    const value = latin1(sent);
    rawHeaders.push(name, value);
    if (name === 'content-length') lengths += 1;
    if (name === 'transfer-encoding') codings += 1;
    if (name === 'host') hosts += 1;
    addHeader(headers, name, value);
  });
  const refusal = refusalOf(method, url, headers, { hosts, lengths, codings });
  if (refusal !== null) return { ...refusal, method, url: url.replaceAll(OUTSIDE_URL, '?'), headers };
  const bodyBytes =
    headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined;
  if (bodyBytes !== undefined && bodyBytes > maxBodyBytes)
    return { ...tooLarge(maxBodyBytes), method, url, headers };

  const { connection } = headers;
  const closedByUws = connection?.length === CLOSE_LENGTH;
  return {
    method,
    url,
    headers,
    rawHeaders,
    bodyBytes,
    closedByUws,
    clientCloses: closedByUws || (connection !== undefined && CLOSE.test(connection)),
  };
}

/** How many lines there are of headers of which there may be one. */
interface Counts {
  readonly hosts: number;
  readonly lengths: number;
  readonly codings: number;
}

/**
 * Why a head must be refused, or null.
 *
 * uWS accepts what node:http's parser refuses, and what a proxy in front may read differently (request smuggling): two
 * hosts, two lengths, a length that is not a number, two transfer codings or one other than chunked, unknown methods, bytes beyond
 * ASCII in the URL. (uWS itself has answered "Expect: 100-continue" by now.)
 */
function refusalOf(
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
  { hosts, lengths, codings }: Counts,
): Refusal | null {
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (method !== 'POST' && !KNOWN_METHODS.has(method)) return bad('unknown method');
  if (url.search(OUTSIDE_URL) >= 0) return bad('the URL has a character that must be percent-encoded');
  // node:http takes the first; RFC 9112 section 3.2 has it refused, as uWS of Node 22 and newer does.
  if (hosts > 1) return bad('more than one host');
  if (lengths > 1) return bad('more than one content-length');
  if (length !== undefined && !DIGITS.test(length)) return bad('content-length is not a number');
  if (codings > 1) return bad('more than one transfer-encoding');
  if (coding !== undefined && !endsInChunked(coding)) return bad('transfer-encoding is not chunked');
  if (headers.expect !== undefined && !CONTINUE.test(headers.expect))
    return { status: 417, detail: 'unknown expectation' };
  return null;
}

function bad(detail: string): Refusal {
  return { status: 400, detail };
}

/** The refusal of a body of more than `maxBodyBytes`. */
export function tooLarge(maxBodyBytes: number): Refusal {
  return { status: 413, detail: `the body has more than ${maxBodyBytes} bytes` };
}

function endsInChunked(coding: string): boolean {
  return (
    coding
      .slice(coding.lastIndexOf(',') + 1)
      .trim()
      .toLowerCase() === 'chunked'
  );
}

/** Path and query exactly as sent. */
function urlOf(req: HttpRequest): string {
  // Undefined if the URL has no question mark, empty if nothing follows it. The types know only the latter.
  const query: string | undefined = req.getQuery();
  const path = req.getUrl();
  return query === undefined ? path : `${path}?${query}`;
}
