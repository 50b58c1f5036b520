import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { errorText } from '../../engine/errors.js';
import type { Clock, Log } from '../../engine/ports.js';

/** For a token whose key is not known, the keys are fetched again, but not more often than this, ms. */
const COOLDOWN_MS = 5_000;
/** After a failed attempt nobody is asked for so long, ms: tokens come by the thousand when clients reconnect. */
const BACKOFF_MS = 1_000;
/** The keys are fetched again after so long, so that a key that was taken out is no longer accepted, ms. */
const REFRESH_MS = 600_000;
const TIMEOUT_MS = 5_000;

/** The keys could not be fetched, so whether a token is good is not known. */
export class KeysUnavailable extends Error {}

/**
 * Keys from an address (JWKS, RFC 7517 section 5). They are fetched when the first token comes, then again every ten
 * minutes, and at once when a token names a key that is not known. While the address does not answer, the keys that are
 * known stay good.
 */
export function createKeySet(
  url: URL,
  { log, clock }: { readonly log: Log; readonly clock: Clock },
): JWTVerifyGetKey {
  let failedAt = -Infinity;
  let isRefreshing = false;
  const remote = createRemoteJWKSet(url, {
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: Infinity,
    timeoutDuration: TIMEOUT_MS,
    async [customFetch](address, options) {
      if (clock.elapsed() < failedAt + BACKOFF_MS) throw new KeysUnavailable();
      const answer = await fetch(address, options).catch((cause: unknown) => fail(errorText(cause)));
      if (answer.status !== 200) fail(`status ${answer.status}`);
      return answer;
    },
  });

  function fail(cause: string): never {
    failedAt = clock.elapsed();
    // The address may hold a secret in its query.
    log.error({ url: url.origin + url.pathname, cause }, 'jwt: the keys could not be fetched');
    throw new KeysUnavailable();
  }

  function refreshLater(): void {
    if (isRefreshing) return;
    isRefreshing = true;
    clock.after(REFRESH_MS, () => {
      isRefreshing = false;
      remote.reload().then(refreshLater, (cause: unknown) => {
        if (!(cause instanceof KeysUnavailable))
          log.error({ cause: errorText(cause) }, 'jwt: the keys could not be read');
        refreshLater();
      });
    });
  }

  return async (header, token) => {
    refreshLater();
    try {
      return await remote(header, token);
    } catch (cause) {
      // What is at the address is no list of keys, or it did not come in time.
      if (cause instanceof errors.JWKSInvalid || cause instanceof errors.JWKSTimeout || isPlain(cause)) {
        failedAt = clock.elapsed();
        log.error({ cause: errorText(cause) }, 'jwt: the keys could not be read');
        throw new KeysUnavailable();
      }
      throw cause;
    }
  };
}

/** jose's error for an answer that is not JSON has no class of its own. */
function isPlain(cause: unknown): boolean {
  return cause instanceof errors.JOSEError && cause.code === 'ERR_JOSE_GENERIC';
}
