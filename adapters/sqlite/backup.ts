import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { connect } from './connection.js';
import { faultOf, meaningOf, Refusal } from './faults.js';
import { assertKnown } from './schema.js';

/** How long to wait for locks of other processes, ms. Only a server that starts or ends holds one that matters here. */
const BUSY_MS = 10_000;

/**
 * Writes a copy of the database in `path` to `file`, which must not exist; blocks until it is on disk, and returns its
 * size in bytes. The copy shows the database at one moment, even while a Parlor writes to it, which is not delayed. Throws
 * an Error of one line.
 *
 * It uses one statement, `VACUUM INTO`, which is one read transaction. SQLite's own backup (`.backup`) starts again whenever
 * another process has written (sqlite.org/backup.html), so beside a busy server it never ends.
 */
export function backUp(path: string, file: string): number {
  if (!existsSync(path)) throw new Refusal(`there is no database at ${path}: name it in SQLITE_PATH`);
  if (existsSync(file)) throw new Refusal(`${file} is there already: name another file, or remove it`);
  // Renamed when complete: an interrupted copy must not be taken for a backup.
  const unfinished = `${file}.unfinished`;
  try {
    rmSync(unfinished, { force: true });
    copy(path, unfinished);
    sync(unfinished);
    renameSync(unfinished, file);
    sync(dirname(resolve(file)));
    return statSync(file).size;
  } catch (cause) {
    rmSync(unfinished, { force: true });
    throw new Error(`not backed up: ${meaningOf(faultOf(cause), file).line}`, { cause });
  }
}

function copy(path: string, file: string): void {
  const db = connect(path, BUSY_MS);
  try {
    assertKnown(db, path);
    // Only the server may checkpoint (see `open.ts`).
    db.value('PRAGMA wal_autocheckpoint = 0');
    db.prepare('VACUUM INTO ?1').run([file]);
  } finally {
    db.close();
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
