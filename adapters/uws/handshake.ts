import type { HttpRequest } from 'uWebSockets.js';
import type { ErrorCode } from '../../engine/errors.js';

/** Why a request does not open a WebSocket. */
export interface HandshakeFault {
  readonly code: Extract<ErrorCode, 'bad_request' | 'upgrade_required'>;
  readonly detail: string;
}

type Headers = Pick<HttpRequest, 'getHeader'>;

/** The only version of the protocol (RFC 6455). All others were drafts. */
export const VERSION = '13';
/** 16 bytes in base64: 21 digits, a last digit of which only the two upper bits count, and the padding. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * What is wrong with a handshake according to RFC 6455 section 4.2.1; null if nothing is. uWebSockets.js itself checks
 * only the length of the key. Its routes have made sure that the method is GET and the HTTP version 1.1.
 */
export function handshakeFault(req: Headers): HandshakeFault | null {
  if (!lists(req.getHeader('upgrade'), 'websocket'))
    return upgradeRequired('this address takes WebSockets only: send Upgrade: websocket');
  if (!lists(req.getHeader('connection'), 'upgrade')) return badRequest('Connection must name Upgrade');
  if (req.getHeader('sec-websocket-version') !== VERSION)
    return upgradeRequired(`Sec-WebSocket-Version must be ${VERSION}`);
  if (!KEY.test(req.getHeader('sec-websocket-key')))
    return badRequest('Sec-WebSocket-Key must be 16 bytes in base64');
  return null;
}

/** `wanted` if it is among the subprotocols that the client offers, else '', which chooses none (RFC 6455 section 4.2.2). */
export function chooseProtocol(req: Headers, wanted: string): string {
  const offered = req.getHeader('sec-websocket-protocol');
  // Most clients offer none. These are case-sensitive, unlike the tokens above (RFC 6455 section 1.9).
  return offered !== '' && tokens(offered).includes(wanted) ? wanted : '';
}

function lists(header: string, token: string): boolean {
  return header === token || tokens(header.toLowerCase()).includes(token);
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
