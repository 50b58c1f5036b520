import { DatabaseError } from 'pg';
import type { Address } from './address.js';

/** SQLSTATEs, PostgreSQL manual appendix A. */
const READ_ONLY = '25006';
const UNIQUE = '23505';
const LOCK_TIMEOUT = '55P03';
const STATEMENT_TIMEOUT = '57014';
const WRONG_PASSWORD = new Set(['28P01', '28000']);
const NO_DATABASE = '3D000';
const NO_RIGHT = '42501';
/**
 * These may pass within seconds: starting up, shutting down, recovering, too many connections, read-only standby, waiting
 * for a lock of another session.
 */
const PASSING = new Set(['57P01', '57P02', '57P03', '53300', READ_ONLY, LOCK_TIMEOUT, STATEMENT_TIMEOUT]);
/** Nobody listens, or the name is not known yet. ENOENT: the socket file is not there yet. */
const NETWORK = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'ENOENT'],
]);
/** pg's texts, without a code, for a connection that has ended or does not answer. */
const LOST = /timeout|terminated|connection was closed|not queryable/i;
/**
 * With these the session ends, possibly after a commit has taken effect: shutdown, termination, a broken protocol or disk,
 * a bug. (The severity would tell, but pg has it only in the server's language.)
 */
const ENDS_THE_SESSION = /^(08|57P|58|XX|25P03)/;
const UNANSWERED = /^(timeout expired|Query read timeout)$/;
/**
 * Classes of errors that come from the values of one statement or from a collision with another one: without the append
 * at fault, the others succeed. 22 data, 23 constraints, 40 serialization and deadlock, 54 a limit exceeded.
 */
const ABOUT_ITS_VALUES = new Set(['22', '23', '40', '54']);

/** Whether PostgreSQL has answered with an error, so that the statement is rolled back. Otherwise its outcome is unknown. */
export function isAnswer(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && !ENDS_THE_SESSION.test(error.code ?? '');
}

/** Whether an error comes from one append of several, not from the state of the database. */
export function isAboutValues(error: unknown): error is DatabaseError {
  return isAnswer(error) && ABOUT_ITS_VALUES.has(error.code?.slice(0, 2) ?? '');
}

/** Whether another session held a lock for longer than a commit waits for one. The commit is rolled back. */
export function isLocked(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === LOCK_TIMEOUT;
}

/** Whether a statement took too long, by itself or behind a lock. It is rolled back; a smaller one may succeed. */
export function isTooSlow(error: unknown): boolean {
  return isLocked(error) || (error instanceof DatabaseError && error.code === STATEMENT_TIMEOUT);
}

/** The address leads to a server that accepts no writes, such as a standby. */
export class ReadOnly extends Error {}

/** Whether the server accepts no writes. The next call needs a new connection: the address may lead elsewhere by now. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof ReadOnly || (error instanceof DatabaseError && error.code === READ_ONLY);
}

/** The name of the unique constraint that an insert has violated, or undefined. */
export function violated(error: unknown): string | undefined {
  return error instanceof DatabaseError && error.code === UNIQUE ? error.constraint : undefined;
}

/** Is a retry worthwhile, i.e. did two transactions collide (serialization failure, deadlock)? */
export function isCollision(error: unknown): boolean {
  return isAnswer(error) && error.code?.startsWith('40') === true;
}

/** Whether an error may pass within seconds, as when the server is just starting. */
export function isPassing(error: unknown): boolean {
  if (error instanceof DatabaseError) return PASSING.has(error.code ?? '');
  if (error instanceof ReadOnly) return true;
  if (!(error instanceof Error)) return false;
  return NETWORK.has((error as NodeJS.ErrnoException).code ?? '') || LOST.test(error.message);
}

/** The database works, but Parlor cannot use it. */
export class Unfit extends Error {}

/** One line for an operator: what is wrong and, if known, what to do. Never holds the password. */
export function describe(error: unknown, { user, database, where }: Address): string {
  const code = error instanceof DatabaseError ? (error.code ?? '') : '';
  const text = oneLine(error);
  // pg's own errors about a missing or unusable password begin with SASL.
  if (WRONG_PASSWORD.has(code) || text.startsWith('SASL'))
    return `PostgreSQL at ${where}: ${text}: check the user and password in DATABASE_URL`;
  if (code === NO_DATABASE) return `PostgreSQL at ${where}: there is no database ${database}: create it`;
  if (code === NO_RIGHT)
    return `PostgreSQL at ${where}: ${text}: the schema parlor and all in it must belong to ${user}; GRANT CREATE ON DATABASE ${database} TO ${user} lets Parlor create it`;
  if (code === '' && UNANSWERED.test(text)) return `PostgreSQL at ${where} does not answer in time`;
  if (isReadOnly(error)) return `PostgreSQL at ${where} is read-only: ${text}`;
  return `PostgreSQL at ${where}: ${text}`;
}

function oneLine(error: unknown): string {
  // Node tries all addresses of a name, and gathers their errors in one that has no text.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const text = first instanceof Error ? first.message || first.name : String(first);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
