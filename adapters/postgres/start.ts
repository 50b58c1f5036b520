import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { Log } from '../../engine/ports.js';
import type { Address } from './address.js';
import { Unfit } from './faults.js';
import type { Line, Statement } from './line.js';
import { migrate } from './schema.js';

/** How long a migration may take, ms: long, for large databases. */
const MIGRATION_MS = 600_000;

/**
 * Writes something that needs new space on the disk each time: on a full disk, writes that fit into an existing page still
 * succeed.
 *
 * One transaction creates and drops a table, so no other session ever sees it, no lock of a backup can be in the way, and
 * only a few dead rows remain in the catalogue. Its column has a fixed width, so that it needs no TOAST table; it is
 * unlogged, so that subscribers of logical replication do not receive it.
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

/** Rejects if the database cannot store every text; warns if it may lose committed data. */
export async function verify(line: Line, log: Log): Promise<void> {
  const [row] = await line.run(FACTS);
  const [encoding, fsync, version] = row as [string, string, string];
  if (encoding !== 'UTF8')
    throw new Unfit(
      `the database is in ${encoding}, which cannot store every text: create it with ENCODING 'UTF8'`,
    );
  log.info({ version }, 'postgres: connected');
  if (fsync === 'off')
    log.warn(
      {},
      'postgres: fsync is off: acknowledged messages are lost if the machine of the database fails',
    );
}

const IDENTITY: Statement = { text: 'SELECT i.uuid FROM parlor.identity i' };

/** The id of the database, which was generated with its schema. */
export async function readIdentity(line: Line): Promise<string> {
  const [row] = await line.run(IDENTITY);
  return String(row?.[0]);
}

/** Migrates on a connection of its own, with a longer timeout for statements. */
export async function migrateAt(address: Address, timeoutMs: number): Promise<void> {
  const client = new Client({
    ...address.config,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: MIGRATION_MS,
  });
  client.on('error', () => undefined); // The pending query rejects with it.
  try {
    await client.connect();
    await client.query(`SET statement_timeout = ${MIGRATION_MS}; SET search_path = pg_catalog;`);
    await migrate(client);
    // A copy made by logical replication has the rows, but its sequence starts again at 1.
    await client.query(`
      SELECT setval('parlor.events_position_seq', e.position) FROM parlor.events e, parlor.events_position_seq s
      WHERE e.position > s.last_value ORDER BY e.position DESC LIMIT 1`);
  } finally {
    await client.end();
  }
}
