import Database from 'libsql';
import type { Value } from './protocol.js';

/** A statement, prepared once. */
export interface Statement {
  /** Runs it; how many rows it changed. Not for one that answers rows: libsql would leave it open. */
  run(values: readonly Value[]): number;
  /** All its rows, one after the other in one array. */
  flat(values: readonly Value[]): Value[];
  /** Its first row, or undefined. */
  row(values: readonly Value[]): Value[] | undefined;
}

/** A connection to a SQLite file. Everything here blocks: it belongs in a worker thread. */
export interface Connection {
  exec(sql: string): void;
  /** The first value of the first row. */
  value(sql: string): Value | undefined;
  prepare(sql: string): Statement;
  /** `work` in one transaction, which holds the writer's lock from its beginning. What it throws undoes it. */
  write<T>(work: () => T): T;
  /** `work` on one state of the database, whatever is committed meanwhile. */
  read<T>(work: () => T): T;
  close(): void;
}

/** Opens a file, which is made if it is not there. `busyMs`: how long to wait for locks of other processes. */
export function connect(path: string, busyMs: number): Connection {
  const db = new Database(path, { timeout: busyMs });

  function transaction<T>(begin: string, work: () => T): T {
    db.exec(begin);
    try {
      const result = work();
      db.exec('COMMIT');
      return result;
    } catch (cause) {
      // SQLite has undone it already after some errors (a full disk, for one), and then refuses to do it again.
      if (db.inTransaction) db.exec('ROLLBACK');
      throw cause;
    }
  }

  return {
    exec: (sql) => void db.exec(sql),
    value: (sql) => (db.prepare(sql).raw().get() as Value[] | undefined)?.[0],
    prepare(sql) {
      const statement = db.prepare<[readonly Value[]]>(sql);
      // libsql refuses this of a statement that answers no rows.
      if (statement.reader) statement.raw();
      return {
        run: (values) => statement.run(values).changes,
        flat: (values) => (statement.all(values) as Value[][]).flat(),
        row: (values) => statement.get(values) as Value[] | undefined,
      };
    },
    write: (work) => transaction('BEGIN IMMEDIATE', work),
    read: (work) => transaction('BEGIN', work),
    close: () => void db.close(),
  };
}
