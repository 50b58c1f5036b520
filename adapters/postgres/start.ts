import { Client } from 'pg';
import type { Log } from '../../engine/ports.js';
import type { Address } from './address.js';
import { Unfit } from './faults.js';
import type { Line, Statement } from './line.js';
import { migrate } from './schema.js';

/** A migration may take long on a large database. */
const MIGRATION_MS = 600_000;

/**
 * Writes something that takes new room on the disk every time, and so finds out whether it is possible: a full disk
 * still takes what fits into a page that is there.
 */
export const PROBE: Statement = {
  text: `TRUNCATE parlor.probe; INSERT INTO parlor.probe SELECT repeat('.', 65536)`,
};

const FACTS: Statement = {
  text: `SELECT current_setting('server_encoding'), current_setting('fsync'), current_setting('server_version')`,
};

/** Rejects if the database cannot hold every text; warns if it may lose what it has promised. */
export async function verify(line: Line, log: Log): Promise<void> {
  const [row] = await line.run(FACTS);
  const [encoding, fsync, version] = row as [string, string, string];
  if (encoding !== 'UTF8')
    throw new Unfit(
      `the database is in ${encoding}, which has no room for every text: create it with ENCODING 'UTF8'`,
    );
  log.info({ version }, 'postgres: connected');
  if (fsync === 'off')
    log.warn(
      {},
      'postgres: fsync is off: what was acknowledged is lost when the machine of the database fails',
    );
}

/** Migrates on a connection of its own, which is not given up after `timeoutMs`. */
export async function migrateAt(address: Address, timeoutMs: number): Promise<void> {
  const client = new Client({
    ...address.config,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: MIGRATION_MS,
  });
  client.on('error', () => undefined); // Whatever is being asked rejects with it.
  try {
    await client.connect();
    await client.query(`SET statement_timeout = ${MIGRATION_MS}; SET search_path = pg_catalog;`);
    await migrate(client);
    // A copy made by logical replication has the rows, but a sequence that begins anew.
    await client.query(`
      SELECT setval('parlor.events_position_seq', e.position) FROM parlor.events e, parlor.events_position_seq s
      WHERE e.position > s.last_value ORDER BY e.position DESC LIMIT 1`);
  } finally {
    await client.end();
  }
}
