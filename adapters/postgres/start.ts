import { randomBytes } from 'node:crypto';
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
 *
 * A table that nobody ever sees, as one transaction makes and drops it: no backup's lock can be in the way, and nothing
 * is left but a few dead rows in the catalogue. Of fixed width, so that it needs no second table for what is long;
 * unlogged, so that no subscriber of logical replication hears of it.
 */
export function probe(): Statement {
  const table = `parlor.probe_${randomBytes(8).toString('hex')}`;
  return {
    text: `CREATE UNLOGGED TABLE ${table} AS SELECT 'probe'::name FROM generate_series(1, 1000); DROP TABLE ${table}`,
  };
}

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

const IDENTITY: Statement = { text: 'SELECT i.uuid FROM parlor.identity i' };

/** The id of the database, which its schema was given when it was made. */
export async function readIdentity(line: Line): Promise<string> {
  const [row] = await line.run(IDENTITY);
  return String(row?.[0]);
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
