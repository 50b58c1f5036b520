import type { HttpRequest } from 'uWebSockets.js';
import type { ErrorCode } from '../../engine/errors.js';

/** Why a request does not open a WebSocket. */
export interface HandshakeFault {
  readonly code: Extract<ErrorCode, 'bad_request' | 'upgrade_required'>;
  readonly detail: string;
}

type Headers = Pick<HttpRequest, 'getHeader'>;

/** The one version of the protocol (RFC 6455). Others were drafts. */
export const VERSION = '13';
/** 16 bytes in base64: 21 digits, one of which only the two upper bits count, and the padding. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * What is wrong with a handshake as RFC 6455 section 4.2.1 has it; null if nothing is. uWebSockets.js itself looks at the
 * length of the key only. The method is GET and the version of HTTP 1.1, or the request would not have come here.
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

/** `wanted` if the client offers it among its subprotocols, else '': then none is chosen (RFC 6455 section 4.2.2). */
export function chooseProtocol(req: Headers, wanted: string): string {
  const offered = req.getHeader('sec-websocket-protocol');
  // Most clients offer none. Unlike the tokens above, these are compared with their case (RFC 6455 section 1.9).
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
