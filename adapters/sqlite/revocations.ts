import { REVOCATION_COLUMNS } from '../stores/columns.js';
import type { Connection } from './connection.js';
import type { WriterCalls } from './protocol.js';

/** Every statement about revocations that writes. Rows have the order of REVOCATION_COLUMNS. */
export const REVOKES = {
  forget: `DELETE FROM revocations WHERE until_ms <= ?1`,
  drop: `DELETE FROM revocations WHERE key = ?1`,
} as const;

const KEEP = `INSERT OR REPLACE INTO revocations (${REVOCATION_COLUMNS.join(', ')}) VALUES (?1, ?2, ?3, ?4, ?5)`;

/** The calls of the writer's thread that are about revocations. */
export function createRevoker(db: Connection): Pick<WriterCalls, 'revoke' | 'unrevoke'> {
  const forget = db.prepare(REVOKES.forget);
  const keep = db.prepare(KEEP);
  const drop = db.prepare(REVOKES.drop);

  return {
    revoke: (row) =>
      db.write(() => {
        const [, , , revokedMs] = row;
        forget.run([revokedMs]);
        keep.run(row);
        return null;
      }),
    unrevoke: (key) => db.write(() => drop.run([key]) === 1),
  };
}
