import type { HttpRequest } from 'uWebSockets.js';
import type { ErrorCode } from '../../engine/errors.js';

/** Why a request does not open a WebSocket. */
export interface HandshakeFault {
  readonly code: Extract<ErrorCode, 'bad_request' | 'upgrade_required'>;
  readonly detail: string;
}

/** Headers by name, in small letters; those that the client did not send are missing. */
export type Headers = ReadonlyMap<string, string>;

/** The only version of the protocol (RFC 6455). All others were drafts. */
export const VERSION = '13';
/** 16 bytes in base64: 21 digits, a last digit of which only the two upper bits count, and the padding. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * The headers of a request, with the lines of one name joined (RFC 9110 section 5.3). uWebSockets.js's own `getHeader` knows
 * the first line only, but a list may be spread over several (`Connection: keep-alive`, `Connection: Upgrade`).
 */
export function readHeaders(req: Pick<HttpRequest, 'forEach'>): Headers {
  const headers = new Map<string, string>();
  req.forEach((name, value) => {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  });
  return headers;
}

/**
 * What is wrong with a handshake according to RFC 6455 section 4.2.1; null if nothing is. uWebSockets.js itself checks
 * only the length of the key. Its routes have made sure that the method is GET and the HTTP version 1.1. A key, a version or
 * a host that is sent twice is none, as no value of them has a comma in it.
 */
export function handshakeFault(headers: Headers): HandshakeFault | null {
  if (!lists(headers.get('upgrade'), 'websocket'))
    return upgradeRequired('this address takes WebSockets only: send Upgrade: websocket');
  if (!lists(headers.get('connection'), 'upgrade')) return badRequest('Connection must name Upgrade');
  if (headers.get('sec-websocket-version') !== VERSION)
    return upgradeRequired(`Sec-WebSocket-Version must be ${VERSION}`);
  if (!KEY.test(headers.get('sec-websocket-key') ?? ''))
    return badRequest('Sec-WebSocket-Key must be 16 bytes in base64');
  if (headers.get('host')?.includes(',')) return badRequest('Host must name one host');
  return null;
}

/** `wanted` if it is among the subprotocols that the client offers, else '', which chooses none (RFC 6455 section 4.2.2). */
export function chooseProtocol(headers: Headers, wanted: string): string {
  const offered = headers.get('sec-websocket-protocol');
  // Most clients offer none. These are case-sensitive, unlike the tokens above (RFC 6455 section 1.9).
  return offered !== undefined && tokens(offered).includes(wanted) ? wanted : '';
}

function lists(header: string | undefined, token: string): boolean {
  return header !== undefined && (header === token || tokens(header.toLowerCase()).includes(token));
}

function tokens(header: string): string[] {
  return header.split(',').map((one) => one.trim());
}

function badRequest(detail: string): HandshakeFault {
  return { code: 'bad_request', detail };
}

function upgradeRequired(detail: string): HandshakeFault {
  return { code: 'upgrade_required', detail };
}
