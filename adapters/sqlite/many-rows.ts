import type { Connection, Statement } from './connection.js';
import type { Value } from './protocol.js';

/** Rows of the largest statement. Twice as many gave nothing more. */
const MOST = 64;

/** Carries out a statement for rows of values, which follow each other in one array; returns the number of rows changed. */
export type ManyRows = (values: readonly Value[]) => number;

/**
 * A statement for many rows at once, prepared for 1, 2, 4, … and 64 of them. A row costs 10 µs of CPU so, and 14 with a
 * statement of its own: libsql is called less often, and SQLite reads and writes the counter of `AUTOINCREMENT` once for
 * each statement.
 *
 * `sql` gets the number of rows. It has to say `OR ROLLBACK`: a conflict undoes the whole transaction then. Otherwise
 * SQLite keeps a copy of each page that the statement changes, to be able to undo the statement alone, and most of the
 * gain is lost (sqlite.org/tempfiles.html, 2.5).
 */
export function prepareManyRows(db: Connection, columns: number, sql: (rows: number) => string): ManyRows {
  const statements: (readonly [rows: number, Statement])[] = [];
  for (let rows = MOST; rows >= 1; rows /= 2) statements.push([rows, db.prepare(sql(rows))]);
  return (values) => {
    let changed = 0;
    let next = 0;
    for (const [rows, statement] of statements) {
      const size = rows * columns;
      for (; values.length - next >= size; next += size)
        changed += statement.run(values.slice(next, next + size));
    }
    return changed;
  };
}

/** `(?, ?), (?, ?)`: placeholders for rows of values. */
export function placeholders(rows: number, columns: number): string {
  const row = `(${Array<string>(columns).fill('?').join(', ')})`;
  return Array<string>(rows).fill(row).join(', ');
}
