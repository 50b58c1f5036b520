import type { Store } from '../../engine/ports.js';
import { isStorableText } from '../stores/columns.js';
import { REVOCATION_COLUMNS } from '../stores/columns.js';
import { revocationRow, revocationsOf } from '../stores/revocations.js';
import type { Statement } from './line.js';
import type { Run } from './reads.js';

const COLUMNS = REVOCATION_COLUMNS.join(', ');

/**
 * Keeps a revocation, then forgets the others that are over by then. Two nodes do not deadlock: it waits for a row only
 * at first, while it has locked none, and skips what another node is just changing, which the next revocation forgets.
 */
const REVOKE: Statement = {
  name: 'revoke',
  text: `
    WITH kept AS (
      INSERT INTO parlor.revocations (${COLUMNS}) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (key) DO UPDATE SET user_name = excluded.user_name, token_id = excluded.token_id,
        revoked_ms = excluded.revoked_ms, until_ms = excluded.until_ms
      RETURNING true
    )
    DELETE FROM parlor.revocations v WHERE v.key = ANY (ARRAY(
      SELECT o.key FROM parlor.revocations o
      WHERE (SELECT count(*) FROM kept) = 1 AND o.until_ms <= $4 AND o.key <> $1 FOR UPDATE SKIP LOCKED))`,
};

const UNREVOKE: Statement = {
  name: 'unrevoke',
  text: `DELETE FROM parlor.revocations v WHERE v.key = $1 RETURNING v.key`,
};

const REVOCATIONS: Statement = {
  name: 'revocations',
  text: `SELECT ${COLUMNS} FROM parlor.revocations ORDER BY key`,
};

/** The part of the store that keeps revocations. */
export function createRevocations(write: Run, read: Run): Pick<Store, 'revoke' | 'unrevoke' | 'revocations'> {
  return {
    async revoke(revocation) {
      await write(REVOKE, revocationRow(revocation));
    },
    async unrevoke(key) {
      // PostgreSQL refuses such a text, so it keeps none.
      return isStorableText(key) && (await write(UNREVOKE, [key])).length === 1;
    },
    async revocations() {
      return revocationsOf((await read(REVOCATIONS)).flat());
    },
  };
}
