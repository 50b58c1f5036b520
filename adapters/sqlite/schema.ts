import type { Connection } from './connection.js';
import { Refusal } from './faults.js';

/**
 * Each brings the schema from one version to the next; they are never changed once released.
 *
 * Version 1: there are two indexes by room and seq, one of messages and one of all other events. So a page of messages
 * costs the same whatever events are between them, retention counts the others without reading messages, and a row costs
 * no more to write than with one index. (room_id, seq) is unique across both indexes, because a writer moves
 * rooms.head_seq from the value that it expects in the transaction of its events. rooms.first_seq is the smallest seq that
 * is not forgotten; below swept_seq the rows are deleted.
 *
 * Version 2: the file has an id, a UUID of version 4 (RFC 9562, 5.4).
 *
 * Version 3: revocations, with times in ms since 1970.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE rooms (
      room_id TEXT NOT NULL PRIMARY KEY,
      head_seq INTEGER NOT NULL,
      first_seq INTEGER NOT NULL,
      swept_seq INTEGER NOT NULL,
      status TEXT NOT NULL,
      policy TEXT,
      created_at TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX rooms_unswept ON rooms (room_id) WHERE swept_seq < first_seq`,
    `CREATE TABLE events (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      room_id TEXT NOT NULL,
      seq INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      type TEXT NOT NULL,
      at TEXT NOT NULL,
      request_id TEXT,
      user_name TEXT,
      text TEXT,
      details TEXT
    )`,
    `CREATE UNIQUE INDEX events_by_id ON events (event_id)`,
    `CREATE UNIQUE INDEX events_messages ON events (room_id, seq) WHERE type = 'message_posted'`,
    `CREATE UNIQUE INDEX events_others ON events (room_id, seq) WHERE type <> 'message_posted'`,
    `CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), writes INTEGER NOT NULL)`,
    `INSERT INTO probe VALUES (1, 0)`,
  ],
  [
    `CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), uuid TEXT NOT NULL)`,
    `WITH random(hex) AS MATERIALIZED (SELECT lower(hex(randomblob(16))))
      INSERT INTO identity SELECT 1, substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-4' || substr(hex, 14, 3)
        || '-8' || substr(hex, 18, 3) || '-' || substr(hex, 21, 12) FROM random`,
  ],
  [
    `CREATE TABLE revocations (
      key TEXT NOT NULL PRIMARY KEY,
      user_name TEXT,
      token_id TEXT,
      revoked_ms INTEGER NOT NULL,
      until_ms INTEGER
    ) WITHOUT ROWID`,
    `CREATE INDEX revocations_until ON revocations (until_ms) WHERE until_ms IS NOT NULL`,
  ],
];

/** The version that this Parlor writes. */
export const VERSION = MIGRATIONS.length;

/** "PARL": distinguishes our files from those of other programs (PRAGMA application_id). */
const APPLICATION = 0x5041524c;

/**
 * Brings the schema up to date, in one transaction: if the process dies, the old version is intact, and of two processes
 * at once the second finds the work done. Throws a Refusal for a newer version, or another program's file.
 */
export function migrate(db: Connection, path: string, migrations = MIGRATIONS): void {
  // Checked without the writer's lock, so that others can start beside a busy writer.
  if (db.read(() => inspect(db, path, migrations.length)) === migrations.length) return;
  db.write(() => {
    const from = inspect(db, path, migrations.length);
    if (from === migrations.length) return;
    for (const migration of migrations.slice(from)) for (const statement of migration) db.exec(statement);
    db.exec(`PRAGMA application_id = ${APPLICATION}`);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

/** Throws a Refusal unless the schema is of the version that this Parlor writes. */
export function assertKnown(db: Connection, path: string): void {
  const version = db.read(() => inspect(db, path, VERSION));
  if (version === VERSION) return;
  throw new Refusal(
    `the database ${path} is of version ${version}, and this Parlor needs ${VERSION}: start this version of Parlor on it once`,
  );
}

function inspect(db: Connection, path: string, known: number): number {
  const version = Number(db.value('PRAGMA user_version'));
  const application = Number(db.value('PRAGMA application_id'));
  const foreign =
    version === 0 ? Number(db.value('SELECT count(*) FROM sqlite_schema')) > 0 : application !== APPLICATION;
  if (foreign)
    throw new Refusal(`${path} is the database of another program: name another file in SQLITE_PATH`);
  if (version > known)
    throw new Refusal(
      `the database ${path} is of version ${version}, this Parlor knows up to ${known}: use a newer Parlor, or a backup`,
    );
  return version;
}
