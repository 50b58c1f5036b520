import type { Refusal } from '../errors.js';
import type { Broker, Clock, Store, Verifier } from '../ports.js';
import { ANYBODY, type Grant } from './grant.js';
import { GrantCache } from './grant-cache.js';
import { isRevokedBy, revocationKey, type Revocation } from './revocation.js';

/** Who may come in: tokens become grants here, for every door. */
export interface Access {
  /** False: nobody has to say who they are. */
  readonly isRequired: boolean;
  /** The grant of a token that is known to be good; null: ask `identify`. */
  known(token: string): Grant | null;
  /** The grant of a token, or why it is refused. Without a token it is refused, unless none is required. Never rejects. */
  identify(token: string | null): Promise<Grant | Refusal>;
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
  /** Reads all revocations: at the start, and after news may have been missed. Rejects if the store does not answer. */
  reload(): Promise<void>;
}

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
  readonly clock: Pick<Clock, 'now'>;
  /** Ends the connections of this node that a revocation covers. */
  readonly endRevoked: (isRevoked: (grant: Grant) => boolean) => void;
}

export function createAccess({ verifier, store, broker, clock, endRevoked }: Parts): Access & AccessNews {
  const cache = new GrantCache(clock);
  let revocations = new Map<string, Revocation>();

  function isRevoked(grant: Grant): boolean {
    const byToken =
      grant.tokenId === null ? undefined : revocations.get(revocationKey({ token_id: grant.tokenId }));
    const byUser = grant.user === null ? undefined : revocations.get(revocationKey({ user: grant.user }));
    return [byToken, byUser].some((one) => one !== undefined && isRevokedBy(grant, one));
  }

  function revoked(revocation: Revocation): void {
    revocations.set(revocationKey(revocation), revocation);
    cache.clear();
    endRevoked((grant) => isRevokedBy(grant, revocation));
  }

  function unrevoked(key: string): void {
    revocations.delete(key);
  }

  return {
    isRequired: verifier !== null,
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
    async reload() {
      const all = await store.revocations();
      revocations = new Map(all.map((one) => [revocationKey(one), one]));
      cache.clear();
      if (verifier !== null && revocations.size > 0) endRevoked(isRevoked);
    },
  };
}
