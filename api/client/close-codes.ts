import { errorOf, NetworkError, type ParlorError } from './errors.js';
import type { Refusal } from './wire.js';

/**
 * Close codes after which the same connection can never work: 4000 + the HTTP status. Missing on purpose are 4408, 4409, 4429
 * and all 45xx, which pass; 4401, which a new token mends, as `connection.ts` knows; and every code of RFC 6455, since proxies and
 * networks make them too.
 */
const FATAL: ReadonlySet<number> = new Set([4400, 4403, 4404, 4405, 4410, 4413, 4415, 4426]);

/** Why a WebSocket was closed, as far as it is known: `last` is the last error that was told before. */
export function endOf(code: number, reason: string, last: Refusal | null): ParlorError {
  if (last) return errorOf(last.code, last.message, last.retry, last.retry_after_ms);
  // Parlor's reason is its code.
  if (code >= 4400)
    return errorOf(reason || `close_${code}`, `closed with ${code}`, !FATAL.has(code) && code !== 4401);
  return new NetworkError(`the WebSocket was closed with ${code}`);
}
