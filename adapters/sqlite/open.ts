import { statSync } from 'node:fs';
import { connect, type Connection } from './connection.js';
import { faultOf, Refusal } from './faults.js';
import type { WorkerOptions } from './protocol.js';
import { assertKnown, migrate } from './schema.js';

/** Pages of 4 KiB in the -wal file at which they are carried over to the file: 16 MB. */
const CHECKPOINT_PAGES = 4_000;
/** Bytes at which a -wal file that grew beyond that is cut again. */
const WAL_BYTES = 64 * 1024 * 1024;
/** Memory for pages, KiB, for each connection. */
const CACHE_KIB = 65_536;
/** How often to ask again for what SQLite refuses at once while another process opens the same file, ms. */
const AGAIN_MS = 20;

/**
 * Opens the file of a store: made if it is not there, checked if it is not too large for that, its schema up to date.
 * Throws SQLite's error, or a Refusal where the file is not one to write to.
 *
 * A guest opens a file that is there, with the schema that this Parlor knows, and leaves both alone. Nor does it ever
 * carry pages from the -wal file over to the file: SQLite 3.45, which libsql brings, may lose commits when one process
 * does that while another one writes (sqlite.org/wal.html, "The WAL-Reset Bug"; mended in 3.51.3).
 */
export function openDatabase({ role, path, isGuest, busyMs, checkBytes }: WorkerOptions): Connection {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const db = connect(path, busyMs);
  try {
    patiently(busyMs, () => {
      const mode = db.value('PRAGMA journal_mode = WAL');
      if (mode !== 'wal')
        throw new Refusal(
          `${path} is on a file system that SQLite's WAL does not work on: name a file on a local disk in SQLITE_PATH`,
        );
    });
    db.exec('PRAGMA synchronous = FULL');
    // For macOS, where fsync alone leaves it in the disk's cache; elsewhere it has no effect.
    db.exec('PRAGMA fullfsync = ON');
    db.exec('PRAGMA checkpoint_fullfsync = ON');
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
    if (isGuest) {
      assertKnown(db, path);
      db.value('PRAGMA wal_autocheckpoint = 0');
    }
    if (role === 'reader') {
      db.exec('PRAGMA query_only = ON');
      return db;
    }
    if (isGuest) return db;
    db.value(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.value(`PRAGMA journal_size_limit = ${WAL_BYTES}`);
    if (size <= checkBytes) check(db);
    migrate(db, path);
    return db;
  } catch (cause) {
    db.close();
    throw cause;
  }
}

function check(db: Connection): void {
  const found = db.value('PRAGMA quick_check(1)');
  if (found !== 'ok') throw Object.assign(new Error(String(found)), { code: 'SQLITE_CORRUPT' });
}

/** SQLite does not wait while the journal mode is changed, lest two that do so wait for each other. */
function patiently(ms: number, work: () => void): void {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return work();
    } catch (cause) {
      if (!faultOf(cause).code.startsWith('SQLITE_BUSY') || performance.now() > end) throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
    }
  }
}
