import { connect, type Connection } from './connection.js';
import { faultOf, Refusal } from './faults.js';

/** Tries to write the own process id down and hold the lock too, should others do so at the same instant. */
const ATTEMPTS = 10;
/** How long to wait for others to read or write whose the lock is, ms. */
const READ_MS = 1_000;

export interface Lock {
  release(): void;
}

/** Another Parlor holds the lock. */
export class InUse extends Refusal {}

/**
 * Holds the file `<file>-lock`, so that no second Parlor uses the database in `file`; throws a Refusal that names the
 * process which holds it already, and the file as the operator did, `path`.
 *
 * The lock is an open transaction on a SQLite file of its own: the kernel frees it however the process ends, and who
 * finds it held can still read there who holds it. The file itself means nothing and stays. It must not be opened
 * with `fs`: a POSIX lock is lost as soon as its process closes the file anywhere.
 */
export function lockDatabase(file: string, path: string): Lock {
  const name = `${file}-lock`;
  const db = connect(name, 0);
  try {
    for (let attempt = 1; !hold(db, attempt); attempt++) {
      if (attempt > ATTEMPTS) throw new Error('others take it at the same instant, again and again');
      // Who it is has to be committed for others to read, and a commit frees the lock for an instant.
      db.exec('ROLLBACK');
      db.write(() => writeDown(db));
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

/** Takes the lock; true if it says already that it is this process that holds it. */
function hold(db: Connection, attempt: number): boolean {
  db.exec('BEGIN IMMEDIATE');
  // The lock is not waited for. But who has it waits for those who read whose it is, and they for it.
  if (attempt === 1) db.value(`PRAGMA busy_timeout = ${READ_MS}`);
  return holder(db) === process.pid;
}

function writeDown(db: Connection): void {
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
    // It is just being written down: then the message is vaguer, and no less true.
    if (!faultOf(cause).code.startsWith('SQLITE_BUSY')) throw cause;
  }
  return new InUse(
    `${path} is in use by another Parlor (${who}): stop that one, or name another file in SQLITE_PATH`,
  );
}
