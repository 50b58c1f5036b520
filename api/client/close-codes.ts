import type { Failure } from './errors.js';

/**
 * Close codes, 4000 + the HTTP status, after which the same may work later, besides all from 4500 on: a request or a token bucket that was too slow or
 * too fast, and a seat that may become free. 4401 is missing on purpose: only a new token mends it. Codes of RFC 6455 are not
 * Parlor's verdict, since proxies and networks make them too: those always pass.
 */
const PASSING: readonly number[] = [4408, 4409, 4429];

/** Why a connection was closed, as far as it is known. `last`: the last error that was told; a cut (1006) has another reason. */
export function endOf(code: number, reason: string, last: Failure | null): Failure {
  const passes = code < 4400 || code >= 4500 || PASSING.includes(code);
  // Parlor's reason is the code of an error.
  if (last && code !== 1006) return last;
  return { code: reason || 'network', message: `ended with ${code}`, retry: passes };
}
