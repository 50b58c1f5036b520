import Database from 'libsql';
import type { Value } from './protocol.js';

/** A statement, prepared once. */
export interface Statement {
  /** Runs it and returns the number of rows that it changed. Not for a statement that returns rows: libsql would leave it open. */
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
  /** Runs `work` in one transaction that holds the writer's lock from the beginning. If it throws, rolls back. */
  write<T>(work: () => T): T;
  /** Runs `work` on one snapshot of the database, whatever is committed meanwhile. */
  read<T>(work: () => T): T;
  close(): void;
}

/** Opens a file; creates it if it does not exist. `busyMs`: how long to wait for locks of other processes. */
export function connect(path: string, busyMs: number): Connection {
  const db = new Database(path, { timeout: busyMs });

  function transaction<T>(begin: string, work: () => T): T {
    db.exec(begin);
    try {
      const result = work();
      db.exec('COMMIT');
      return result;
    } catch (cause) {
      // After some errors, such as a full disk, SQLite has rolled back by itself, and refuses a second ROLLBACK.
      if (db.inTransaction) db.exec('ROLLBACK');
      throw cause;
    }
  }

  return {
    exec: (sql) => void db.exec(sql),
    value: (sql) => (db.prepare(sql).raw().get() as Value[] | undefined)?.[0],
    prepare(sql) {
      const statement = db.prepare<[readonly Value[]]>(sql);
      // libsql refuses `raw` for a statement that returns no rows.
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
