import { statSync } from 'node:fs';
import { connect, type Connection } from './connection.js';
import { faultOf, Refusal } from './faults.js';
import type { WorkerOptions } from './protocol.js';
import { assertKnown, migrate } from './schema.js';

/** Pages of 4 KiB in the -wal file at which SQLite checkpoints: 16 MB. */
const CHECKPOINT_PAGES = 4_000;
/** The size to which a larger -wal file is truncated at a checkpoint, bytes. */
const WAL_BYTES = 64 * 1024 * 1024;
/** Memory for pages, KiB, for each connection. */
const CACHE_KIB = 65_536;
/** Between two attempts at what SQLite refuses at once while another process opens the same file, ms. */
const RETRY_MS = 20;

/**
 * Opens the file of a store: creates it if it does not exist, checks it unless it is too large for that, and brings its
 * schema up to date. Throws SQLite's error, or a Refusal if the file cannot be used.
 *
 * A guest, beside the process that owns the file, changes neither file nor schema when it opens, and never checkpoints:
 * SQLite 3.45, which libsql contains, may lose commits when one process checkpoints while another one writes
 * (sqlite.org/wal.html, "The WAL-Reset Bug"; fixed in 3.51.3).
 */
export function openDatabase({ role, path, isGuest, busyMs, checkBytes }: WorkerOptions): Connection {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const db = connect(path, busyMs);
  try {
    retryWhileBusy(busyMs, () => {
      const mode = db.value('PRAGMA journal_mode = WAL');
      if (mode !== 'wal')
        throw new Refusal(
          `${path} is on a file system that SQLite's WAL does not work on: name a file on a local disk in SQLITE_PATH`,
        );
    });
    db.exec('PRAGMA synchronous = FULL');
    // For macOS, where fsync alone leaves data in the disk's cache. Without effect elsewhere.
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

/** Retries for `ms`. While another process changes the journal mode, SQLite does not wait by itself, to avoid deadlocks. */
function retryWhileBusy(ms: number, work: () => void): void {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return work();
    } catch (cause) {
      if (!faultOf(cause).code.startsWith('SQLITE_BUSY') || performance.now() > end) throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
