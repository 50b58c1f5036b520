import { connect, type Connection } from './connection.js';
import { faultOf, Refusal } from './faults.js';

/** Attempts to store our process id and hold the lock, in case other processes do so at the same instant. */
const ATTEMPTS = 10;
/** How long to wait while others read or write the holder's process id, ms. */
const READ_MS = 1_000;

export interface Lock {
  release(): void;
}

/** Another Parlor holds the lock. */
export class InUse extends Refusal {}

/**
 * Locks `<file>-lock`, so that no second Parlor uses the database in `file`. Throws a Refusal that names the process which
 * has the lock, and the database as the operator named it, `path`.
 *
 * The lock is an open transaction on a SQLite file of its own. The kernel releases it however the process ends, and other
 * processes can read in the file which one has it. The existence of the file means nothing; it is never deleted. It must
 * not be opened with `fs`: a process loses its POSIX locks on a file as soon as it closes any descriptor of it.
 */
export function lockDatabase(file: string, path: string): Lock {
  const name = `${file}-lock`;
  const db = connect(name, 0);
  try {
    for (let attempt = 1; !takeLock(db, attempt); attempt++) {
      if (attempt > ATTEMPTS) throw new Error('other processes take it at the same instant, again and again');
      // Others can read our process id only after a commit, and a commit releases the lock for an instant.
      db.exec('ROLLBACK');
      db.write(() => storePid(db));
    }
  } catch (cause) {
    const { code, text } = faultOf(cause);
    const refusal = code.startsWith('SQLITE_BUSY')
      ? inUse(db, path)
      : new Refusal(
          `the file ${name} cannot be used (${text}): delete it if no Parlor runs, or name another file`,
        );
    db.close();
    throw refusal;
  }
  return {
    release() {
      db.exec('ROLLBACK');
      db.close();
    },
  };
}

/** Takes the lock; true if the file already holds the id of this process. */
function takeLock(db: Connection, attempt: number): boolean {
  db.exec('BEGIN IMMEDIATE');
  // The first attempt does not wait for the lock. From then on, wait for processes that are reading the holder's id.
  if (attempt === 1) db.value(`PRAGMA busy_timeout = ${READ_MS}`);
  return holder(db) === process.pid;
}

function storePid(db: Connection): void {
  db.exec('CREATE TABLE IF NOT EXISTS holder (id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL)');
  db.exec(`INSERT OR REPLACE INTO holder VALUES (1, ${process.pid})`);
}

function holder(db: Connection): number | null {
  const known = db.value(`SELECT count(*) FROM sqlite_schema WHERE name = 'holder'`);
  return known === 1 ? Number(db.value('SELECT pid FROM holder')) : null;
}

function inUse(db: Connection, path: string): InUse {
  let who = 'another process';
  try {
    db.value(`PRAGMA busy_timeout = ${READ_MS}`);
    who = `process ${holder(db) ?? 'unknown'}`;
  } catch (cause) {
    // It is being stored just now: the message is less precise then.
    if (!faultOf(cause).code.startsWith('SQLITE_BUSY')) throw cause;
  }
  return new InUse(
    `${path} is in use by another Parlor (${who}): stop that one, or name another file in SQLITE_PATH`,
  );
}
