/** The parameter of a query that may hold a token (RFC 6750 section 2.3). */
const PARAMETER = 'access_token';
/** Browsers cannot set headers on a WebSocket: there the token may be offered as a subprotocol that begins so. */
const TOKEN_PROTOCOL = 'parlor.token.';
/** The name of a scheme is case-insensitive (RFC 9110 section 11.1); the token has no blanks. */
const BEARER = /^bearer +([^ ]+) *$/i;

/** Where a request may carry a token. */
export interface TokenPlaces {
  readonly authorization: string | undefined;
  /** `Sec-WebSocket-Protocol`, of a WebSocket. */
  readonly protocols?: string;
  /** Taken out of the query by `splitToken`. */
  readonly query: string | null;
}

/** The token of a request, null if it has none, or what is wrong. */
export function findToken({
  authorization,
  protocols = '',
  query,
}: TokenPlaces): { readonly token: string | null } | { readonly fault: string } {
  const header = authorization === undefined || authorization === '' ? null : BEARER.exec(authorization)?.[1];
  if (header === undefined) return { fault: 'Authorization must be: Bearer, a blank, and the token' };
  const offered = protocols === '' ? null : protocolToken(protocols);
  const [token = null, ...more] = [header, offered, query].filter((one) => one !== null);
  // RFC 6750 section 2.
  if (more.length > 0) return { fault: 'send the token in one place only' };
  return { token };
}

function protocolToken(protocols: string): string | null {
  const one = protocols.split(',').find((name) => name.trim().startsWith(TOKEN_PROTOCOL));
  return one === undefined ? null : one.trim().slice(TOKEN_PROTOCOL.length);
}

/** A query or an address without its token, which must not be logged; and the token, or null. The last one counts. */
export function splitToken(address: string): { readonly rest: string; readonly token: string | null } {
  // Nearly all addresses end here. The name may be percent-encoded.
  if (!address.includes(PARAMETER) && !address.includes('%')) return { rest: address, token: null };
  const at = address.indexOf('?');
  const [path, query] = at < 0 ? ['', address] : [address.slice(0, at), address.slice(at + 1)];
  const parts = query.split('&');
  const tokens = parts.filter(isToken);
  const last = tokens.at(-1);
  if (last === undefined) return { rest: address, token: null };
  const kept = parts.filter((part) => !isToken(part)).join('&');
  const rest = at < 0 ? kept : kept === '' ? path : `${path}?${kept}`;
  return { rest, token: decoded(last.slice(last.indexOf('=') + 1)) };
}

function isToken(part: string): boolean {
  const at = part.indexOf('=');
  return decoded(at < 0 ? part : part.slice(0, at)) === PARAMETER;
}

/** As it stands where it cannot be decoded: then it is no token, and is refused as one. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The same address for a log line. */
export function withoutToken(address: string): string {
  return splitToken(address).rest;
}
