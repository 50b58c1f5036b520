import type { Client } from 'pg';

/**
 * Each brings the schema from one version to the next, the first from nothing to 1. They are never changed once released;
 * a change is one more at the end.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE parlor.rooms (
    room_id text COLLATE "C" PRIMARY KEY,
    -- What head_seq was before the last append: carries what an append expects into its ON CONFLICT clause.
    prior_seq bigint NOT NULL,
    head_seq bigint NOT NULL,
    -- The smallest seq that is not forgotten, and the smallest that may still be here.
    first_seq bigint NOT NULL,
    swept_seq bigint NOT NULL,
    -- Messages that were ever appended here, forgotten ones too.
    messages bigint NOT NULL,
    status text NOT NULL,
    policy json,
    created_at timestamptz NOT NULL
  ) WITH (fillfactor = 70); -- Room to update a row in its page, and so without touching the index.
  CREATE INDEX rooms_to_sweep ON parlor.rooms (room_id) WHERE swept_seq < first_seq;

  CREATE TABLE parlor.events (
    position bigserial NOT NULL,
    room_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    request_id text,
    user_name text,
    text text,
    -- What only some types of event have.
    details json,
    -- Messages of the room up to and with this event: tells in one row whether an event is beyond max_messages.
    message_no bigint NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (room_id, seq),
    CONSTRAINT events_event_id_key UNIQUE (event_id),
    CONSTRAINT events_position_key UNIQUE (position)
  );
  -- A page of messages costs the same however many other events lie between them.
  CREATE INDEX events_messages ON parlor.events (room_id, seq) WHERE type = 'message_posted';
  -- From here on last_value is a position that was handed out, which it is not before the first use.
  SELECT setval('parlor.events_position_seq', 1);
  `,
  `
  -- Which store this is: a UUID of version 4, made by hand because gen_random_uuid() came with PostgreSQL 13.
  CREATE TABLE parlor.identity (uuid uuid NOT NULL, only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one));
  INSERT INTO parlor.identity (uuid)
    SELECT overlay(overlay(md5(random()::text || random() || clock_timestamp() || pg_backend_pid())
      PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid;
  `,
  `
  CREATE TABLE parlor.revocations (
    key text COLLATE "C" PRIMARY KEY,
    user_name text,
    token_id text,
    -- ms since 1970, exact for every date of JavaScript.
    revoked_ms bigint NOT NULL,
    until_ms bigint
  );
  CREATE INDEX revocations_until ON parlor.revocations (until_ms) WHERE until_ms IS NOT NULL;
  `,
];

/** The advisory lock of migrations: any number, as long as every Parlor uses the same. */
const LOCK = 0x7061_726c;

/**
 * Brings the schema up to date in one transaction, so that an interruption leaves it as it was. Several processes may do
 * this at once; one does the work and the others wait for it. Rejects with an Error of one line if the version of the
 * database is newer than this Parlor knows, otherwise with PostgreSQL's error.
 */
export async function migrate(client: Client, migrations: readonly string[] = MIGRATIONS): Promise<void> {
  if ((await versionOf(client, migrations)) === migrations.length) return;
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    for (let version = await versionOf(client, migrations); version < migrations.length; version++) {
      if (version === 0) await createSchema(client);
      await client.query(migrations[version] ?? '');
      await client.query('INSERT INTO parlor.schema_version (version) VALUES ($1)', [version + 1]);
    }
    await client.query('COMMIT');
  } catch (error) {
    // If the connection is gone, PostgreSQL has rolled back by itself. The first error is the one that matters.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function versionOf(client: Client, migrations: readonly string[]): Promise<number> {
  // From the catalogue, not with to_regclass, whose answer may be cached within a transaction.
  const { rows: tables } = await client.query(
    `SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'parlor' AND tablename = 'schema_version'`,
  );
  if (tables.length === 0) return 0;
  const { rows } = await client.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM parlor.schema_version',
  );
  const version = rows[0]?.version ?? 0;
  if (version > migrations.length) throw new NewerVersion(version, migrations.length);
  return version;
}

/** The database was written by a Parlor that is newer than this one. */
class NewerVersion extends Error {
  constructor(found: number, known: number) {
    super(
      `the database is of version ${found}, this Parlor knows up to ${known}: use a newer Parlor, or a backup`,
    );
  }
}

async function createSchema(client: Client): Promise<void> {
  // Checked first: CREATE SCHEMA IF NOT EXISTS needs the right to create one even if an operator has created it.
  const { rows } = await client.query(`SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'parlor'`);
  if (rows.length === 0) await client.query('CREATE SCHEMA parlor');
  await client.query(
    'CREATE TABLE parlor.schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
  );
}
