import { errors, jwtVerify, type JWTVerifyOptions } from 'jose';
import type { Grant } from '../../engine/access/grant.js';
import { errorText, type Refusal } from '../../engine/errors.js';
import type { Clock, Log, Verifier } from '../../engine/ports.js';
import { grantOf } from './claims.js';
import { KeysUnavailable } from './key-set.js';
import { readKeys, type KeySettings } from './keys.js';

/** A longer token is refused unseen: with the other headers it must fit into 16 KB, and each is decoded and hashed. */
export const TOKEN_MAX = 8_192;

export interface JwtSettings extends KeySettings {
  /** What `iss` has to be; '': it is not looked at. */
  readonly issuer: string;
  /** What `aud` has to be, or contain; '': it is not looked at. */
  readonly audience: string;
  /** By how much the clock of the issuer may differ, s. */
  readonly leewayS: number;
}

/**
 * Verifies signed JSON Web Tokens (RFC 7519, with the advice of RFC 8725: one fixed algorithm, claims all checked). Throws
 * an Error of one line if the keys that the settings name cannot be used.
 */
export function createJwtVerifier(
  settings: JwtSettings,
  parts: { readonly log: Log; readonly clock: Clock },
): Verifier {
  const { algorithm, issuer, audience, leewayS } = settings;
  const keys = readKeys(settings, parts);
  const options: JWTVerifyOptions = {
    algorithms: [algorithm],
    requiredClaims: ['exp', 'sub'],
    clockTolerance: leewayS,
    ...(issuer === '' ? {} : { issuer }),
    ...(audience === '' ? {} : { audience }),
  };

  async function claimsOf(token: string): Promise<unknown> {
    // Two calls, as the library's types tell a key from a function that finds one.
    const { payload } =
      typeof keys === 'function'
        ? await jwtVerify(token, keys, options)
        : await jwtVerify(token, keys, options);
    return payload;
  }

  return {
    async verify(token): Promise<Grant | Refusal> {
      if (token.length > TOKEN_MAX) return refuse(`it is longer than ${TOKEN_MAX} characters`);
      try {
        const claims = await claimsOf(token);
        const now = parts.clock.now();
        const grant = grantOf(claims, now, leewayS * 1_000);
        if ('fault' in grant) return refuse(grant.fault);
        return grant.endsAt > now ? grant : refuse(EXPIRED);
      } catch (cause) {
        if (cause instanceof KeysUnavailable)
          return { code: 'unavailable', message: 'tokens cannot be checked just now; try again in a moment' };
        const why = reasonOf(cause, settings);
        if (why !== null) return refuse(why);
        parts.log.error({ cause: errorText(cause) }, 'jwt: a token could not be checked');
        return { code: 'internal', message: 'the token could not be checked' };
      }
    },
  };
}

const EXPIRED = 'it has expired';

function refuse(why: string): Refusal {
  return { code: 'unauthorized', message: `the token is not accepted: ${why}` };
}

/** What is wrong with a token, in words that quote nothing of it; null: that is not what went wrong. */
function reasonOf(cause: unknown, { algorithm }: JwtSettings): string | null {
  if (cause instanceof errors.JWTExpired) return EXPIRED;
  if (cause instanceof errors.JWTClaimValidationFailed) return claimReason(cause);
  if (cause instanceof errors.JOSEAlgNotAllowed) return `it has to be signed with ${algorithm}`;
  if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys)
    return 'its key is not known';
  if (cause instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  // Among them: a header that says crit or b64, a key that does not fit.
  if (cause instanceof errors.JOSEError) return 'it is no signed JSON Web Token';
  return null;
}

function claimReason({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `it has no ${claim}`;
  if (reason === 'invalid') return `${claim} must be a number`;
  if (claim === 'nbf') return 'it is not valid yet';
  return claim === 'iss' ? 'it is of another issuer' : 'it is for another audience';
}
