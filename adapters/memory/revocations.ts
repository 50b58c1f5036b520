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
    revocations: () => Promise.resolve(revocationsOf(inOrder([...rows.values()]).flat())),
  };
}

/** In the order of UTF-8, as databases sort. JavaScript's own order differs where a name holds an emoji. */
function inOrder(rows: readonly RevocationRow[]): RevocationRow[] {
  const encoded = rows.map((row) => ({ row, bytes: Buffer.from(row[0]) }));
  return encoded.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map(({ row }) => row);
}
