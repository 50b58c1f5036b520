import { revocationKey, type Revocation } from '../../engine/access/revocation.js';
import type { Store } from '../../engine/ports.js';

/** Those of a store that still cover a token. `nowMs`: since 1970. */
export async function lastingRevocations(
  store: Pick<Store, 'revocations'>,
  nowMs: number,
): Promise<readonly Revocation[]> {
  return (await store.revocations()).filter((one) => lasts(one, nowMs));
}

/**
 * Puts a revocation into a store. One of the same user or token that is there already stays in force: of both, what covers more
 * is kept. Resolves with whether something has changed; nothing has if it is over, or covers no more than what is there. Rejects
 * with one line if the store does not take it.
 */
export type TakeRevocation = (revocation: Revocation) => Promise<boolean>;

export function takeRevocations(store: Pick<Store, 'revoke' | 'revocations'>): TakeRevocation {
  let known: Map<string, Revocation> | null = null;
  return async (revocation) => {
    if (!lasts(revocation, Date.now())) return false;
    known ??= new Map((await store.revocations()).map((one) => [revocationKey(one), one]));
    const there = known.get(revocationKey(revocation));
    const both = there === undefined ? revocation : union(there, revocation);
    if (both === there) return false;
    await store.revoke(both);
    known.set(revocationKey(both), both);
    return true;
  };
}

function lasts({ until }: Revocation, nowMs: number): boolean {
  return until === undefined || Date.parse(until) > nowMs;
}

/** What covers the tokens of both; `there` itself if that does. */
function union(there: Revocation, more: Revocation): Revocation {
  const revoked_at = later(there.revoked_at, more.revoked_at);
  const until =
    there.until === undefined || more.until === undefined ? undefined : later(there.until, more.until);
  if (revoked_at === there.revoked_at && until === there.until) return there;
  const { until: _, ...rest } = there;
  return { ...rest, revoked_at, ...(until === undefined ? {} : { until }) };
}

function later(a: string, b: string): string {
  return Date.parse(a) >= Date.parse(b) ? a : b;
}
