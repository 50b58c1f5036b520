import type { Store } from '../../engine/ports.js';
import { revocationRow, revocationsOf, type RevocationRow } from '../stores/revocations.js';

/** The part of the memory store that keeps revocations. They are few, so each call may look at all of them. */
export function createRevocations(): Pick<Store, 'revoke' | 'unrevoke' | 'revocations'> {
  const rows = new Map<string, RevocationRow>();

  return {
    // With a callback, so that what it throws becomes a rejection.
    revoke: (revocation) =>
      new Promise((resolve) => {
        const row = revocationRow(revocation);
        const [key, , , revokedMs] = row;
        for (const [other, , , , untilMs] of rows.values())
          if (untilMs !== null && untilMs <= revokedMs) rows.delete(other);
        rows.set(key, row);
        resolve();
      }),
    unrevoke: (key) => Promise.resolve(rows.delete(key)),
    revocations: () => Promise.resolve(revocationsOf([...rows.values()].sort(byKey).flat())),
  };
}

/** In the order of UTF-8, as databases sort. JavaScript's own order differs where a name holds an emoji. */
function byKey([a]: RevocationRow, [b]: RevocationRow): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
