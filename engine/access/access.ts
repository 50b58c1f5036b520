import { errorText, type Refusal } from '../errors.js';
import type { Broker, Clock, Log, Store, Verifier } from '../ports.js';
import { ANYBODY, type Grant } from './grant.js';
import { GrantCache } from './grant-cache.js';
import { isRevokedBy, revocationKey, type Revocation } from './revocation.js';

/** Who may come in: tokens become grants here, for every door. */
export interface Access {
  /** False: nobody has to say who they are. */
  readonly isRequired: boolean;
  /** Whether limits of clients do not hold this one: a service whose token says so. Without authentication nobody is known to be one. */
  isTrusted(grant: Grant): boolean;
  /** The grant of a token that is known to be good; null: ask `identify`. */
  known(token: string): Grant | null;
  /** The grant of a token, or why it is refused. Without a token it is refused, unless none is required. Never rejects. */
  identify(token: string | null): Promise<Grant | Refusal>;
  /** Whether a grant that was given is still good: its token has neither expired nor been revoked. */
  isGood(grant: Grant): boolean;
  /** From now on the tokens that this covers are refused, and their connections ended, on all nodes. Rejects if it cannot be stored. */
  revoke(revocation: Revocation): Promise<void>;
  /** Takes a revocation back. False: there is none with this key. */
  unrevoke(key: string): Promise<boolean>;
  /** The revocations that hold. */
  revocations(): readonly Revocation[];
}

/** What other nodes tell of revocations. */
export interface AccessNews {
  revoked(revocation: Revocation): void;
  unrevoked(key: string): void;
  /** Reads all revocations. Rejects if the store does not answer. */
  reload(): Promise<void>;
  /** News may have been missed: reads all revocations, and tries again until the store answers. */
  missed(): void;
}

/** Between two attempts to read revocations that were missed, ms: until then a revoked token may still be accepted. */
const RETRY_MS = 1_000;

const NO_TOKEN: Refusal = {
  code: 'unauthorized',
  message:
    'send a token: Authorization: Bearer …, the subprotocol parlor.token.…, or access_token=… in the query',
};
const REVOKED: Refusal = { code: 'unauthorized', message: 'the token was revoked' };

interface Parts {
  /** null: no token is required, and none is looked at. */
  readonly verifier: Verifier | null;
  readonly store: Pick<Store, 'revoke' | 'unrevoke' | 'revocations'>;
  readonly broker: Pick<Broker, 'say'>;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Pick<Log, 'warn'>;
  /** Ends the connections of this node that a revocation covers. */
  readonly endRevoked: (isRevoked: (grant: Grant) => boolean) => void;
}

export function createAccess({
  verifier,
  store,
  broker,
  clock,
  log,
  endRevoked,
}: Parts): Access & AccessNews {
  const cache = new GrantCache(clock);
  let revocations = new Map<string, Revocation>();
  /** Changes with each piece of news, and each reading. */
  let news = 0;
  let isRetrying = false;

  function isRevoked(grant: Grant): boolean {
    const byToken =
      grant.tokenId === null ? undefined : revocations.get(revocationKey({ token_id: grant.tokenId }));
    const byUser = grant.user === null ? undefined : revocations.get(revocationKey({ user: grant.user }));
    return [byToken, byUser].some((one) => one !== undefined && isRevokedBy(grant, one));
  }

  function revoked(revocation: Revocation): void {
    news++;
    revocations.set(revocationKey(revocation), revocation);
    cache.clear();
    endRevoked((grant) => isRevokedBy(grant, revocation));
  }

  function unrevoked(key: string): void {
    news++;
    revocations.delete(key);
  }

  async function reload(): Promise<void> {
    // One that is under way reads again, so that it does not put older news in the place of these.
    news++;
    let before: number;
    let all: readonly Revocation[];
    // What was read may lack news that have come meanwhile.
    do {
      before = news;
      all = await store.revocations();
    } while (news !== before);
    revocations = new Map(all.map((one) => [revocationKey(one), one]));
    cache.clear();
    if (verifier !== null && revocations.size > 0) endRevoked(isRevoked);
  }

  function missed(): void {
    if (isRetrying) return;
    reload().catch((cause: unknown) => {
      if (isRetrying) return;
      isRetrying = true;
      log.warn({ cause: errorText(cause) }, 'access: revocations could not be read; tried again in a second');
      clock.after(RETRY_MS, () => {
        isRetrying = false;
        missed();
      });
    });
  }

  return {
    isRequired: verifier !== null,
    isTrusted: ({ isService }) => verifier !== null && isService,
    known: (token) => (verifier === null ? ANYBODY : cache.get(token)),
    async identify(token) {
      if (verifier === null) return ANYBODY;
      if (token === null) return NO_TOKEN;
      const known = cache.get(token);
      if (known !== null) return known;
      const grant = await verifier.verify(token);
      if ('code' in grant) return grant;
      // Asked after the verification, so that what is revoked meanwhile is not kept.
      if (isRevoked(grant)) return REVOKED;
      cache.add(token, grant);
      return grant;
    },
    isGood: (grant) => grant.endsAt > clock.now() && !isRevoked(grant),
    async revoke(revocation) {
      await store.revoke(revocation);
      // This node hears it, too.
      broker.say({ type: 'revoked', revocation }, null);
    },
    async unrevoke(key) {
      const was = await store.unrevoke(key);
      broker.say({ type: 'unrevoked', key }, null);
      return was;
    },
    revocations: () =>
      [...revocations.values()].filter(({ until }) => until === undefined || Date.parse(until) > clock.now()),
    revoked,
    unrevoked,
    reload,
    missed,
  };
}
