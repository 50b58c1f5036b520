import { revocationKey, type Revocation } from '../../engine/access/revocation.js';
import { isStorableText, REVOCATION_COLUMNS } from './columns.js';

/** A revocation as all stores keep it. Times are in ms since 1970, which compare alike however they were written. */
export type RevocationRow = readonly [
  key: string,
  user: string | null,
  tokenId: string | null,
  revokedMs: number,
  untilMs: number | null,
];

/** The row of a revocation. Throws for what no store could give back as it is. */
export function revocationRow(revocation: Revocation): RevocationRow {
  const { user = null, token_id = null, revoked_at, until } = revocation;
  const key = revocationKey(revocation);
  if (!isStorableText(key))
    throw new Error('a revocation names a user or token with characters that cannot be stored');
  return [key, user, token_id, msOf(revoked_at), until === undefined ? null : msOf(until)];
}

function msOf(time: string): number {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new Error(`a revocation has the time ${time}: it must be as in RFC 3339`);
  return ms;
}

/** The revocations whose rows follow each other in one array. */
export function revocationsOf(flat: readonly unknown[]): Revocation[] {
  const revocations: Revocation[] = [];
  for (let i = 0; i < flat.length; i += REVOCATION_COLUMNS.length) {
    const [user, tokenId, revokedMs, untilMs] = flat.slice(i + 1, i + REVOCATION_COLUMNS.length);
    revocations.push({
      ...(user === null ? {} : { user: user as string }),
      ...(tokenId === null ? {} : { token_id: tokenId as string }),
      revoked_at: new Date(revokedMs as number).toISOString(),
      ...(untilMs === null ? {} : { until: new Date(untilMs as number).toISOString() }),
    });
  }
  return revocations;
}
