/** An error of SQLite or of a thread, in a form that can be posted between threads. */
export interface Fault {
  /** SQLite's extended code such as SQLITE_IOERR_WRITE, one of ours, or '' for an unexpected error. */
  readonly code: string;
  readonly text: string;
}

/** The file was moved or deleted: a code of ours, since SQLite does not notice that. */
export const MOVED = 'PARLOR_MOVED';
/** A code of ours: the text of the fault is one line for the operator already. */
const REFUSED = 'PARLOR_REFUSED';

/** An error whose text is one line for the operator. */
export class Refusal extends Error {
  readonly code = REFUSED;
}

/**
 * What a fault means. `transient`: writing fails now, and may work again; `damaged`: the file cannot be trusted any more;
 * `call`: only this call failed.
 */
export interface Meaning {
  readonly kind: 'transient' | 'damaged' | 'call';
  /** One line for an operator, with what to do. */
  readonly line: string;
}

/** Anything thrown, as a fault. */
export function faultOf(cause: unknown): Fault {
  if (!(cause instanceof Error)) return { code: '', text: String(cause) };
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  // When opening fails, libsql's error has no code; SQLite's result is at the end of its text.
  if (code === '' && cause.message.startsWith('ConnectionFailed'))
    return { code: 'SQLITE_CANTOPEN', text: cause.message };
  return { code, text: cause.message };
}

const LINES: readonly (readonly [RegExp, Meaning['kind'], (path: string, text: string) => string])[] = [
  [/^SQLITE_FULL/, 'transient', (path) => `the disk is full: free some space where ${path} is`],
  [
    /^SQLITE_READONLY|^SQLITE_PERM|^E(ROFS|ACCES|PERM)$/,
    'transient',
    (path) =>
      `the database file ${path} is read-only: let this user write to it, to its folder and to the files beside it`,
  ],
  [
    /^SQLITE_CORRUPT/,
    'damaged',
    (path, text) =>
      `the database file ${path} is damaged: restore a backup and delete the -wal file beside it, or move both away to begin anew (${text})`,
  ],
  [
    /^SQLITE_NOTADB/,
    'damaged',
    (path) =>
      `${path} is not a SQLite database, or its beginning is damaged: restore a backup, or name another file in SQLITE_PATH`,
  ],
  [
    /^SQLITE_(BUSY|LOCKED|PROTOCOL)/,
    'transient',
    (path) => `the database file ${path} is locked by another program: end what is writing to it`,
  ],
  [
    /^SQLITE_CANTOPEN/,
    'transient',
    (path, text) =>
      `the database file ${path} cannot be opened: check its folder and the rights of this user (${text})`,
  ],
  [
    /^SQLITE_(IOERR|NOMEM)/,
    'transient',
    (path, text) => `the disk under ${path} does not work: look at the system's log (${text})`,
  ],
  [
    new RegExp(`^${MOVED}$`),
    'damaged',
    (path) => `the database file ${path} was moved or deleted while in use: put it back, and restart Parlor`,
  ],
  [new RegExp(`^${REFUSED}$`), 'call', (_path, text) => text],
];

/** What a fault means, and the line that says it; `path` as the operator gave it. */
export function meaningOf(fault: Fault, path: string): Meaning {
  for (const [pattern, kind, line] of LINES) {
    if (!pattern.test(fault.code)) continue;
    // The answer of quick_check has several lines, the first of which says nothing.
    const text = fault.text.replace('*** in database main ***', '').replace(/\s+/g, ' ').trim();
    return { kind, line: line(path, fault.code === REFUSED ? text : `${fault.code}: ${text}`) };
  }
  return { kind: 'call', line: fault.code === '' ? fault.text : `${fault.text} (${fault.code})` };
}
