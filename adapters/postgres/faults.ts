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
 * Not at once, but perhaps soon: starting up, shutting down, recovering, too many connections, read-only standby,
 * behind somebody else's lock.
 */
const PASSING = new Set(['57P01', '57P02', '57P03', '53300', READ_ONLY, LOCK_TIMEOUT, STATEMENT_TIMEOUT]);
/** Nobody listens, or the name is not known yet; ENOENT is a socket file that is not there yet. */
const NETWORK = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'ENOENT'],
]);
/** What pg says, without a code, of a connection that has ended or does not answer. */
const LOST = /timeout|terminated|connection was closed|not queryable/i;
/**
 * These may come while a commit is on its way, and the session ends with them: shut down, terminated, a broken protocol
 * or disk, a bug. (The severity would say so, but pg has it only in the server's language.)
 */
const ENDS_THE_SESSION = /^(08|57P|58|XX|25P03)/;
const UNANSWERED = /^(timeout expired|Query read timeout)$/;
/**
 * Classes of errors that are about the values of one statement or about its meeting another one: without the append
 * that is to blame, the others of the call are fine. 22 data, 23 constraints, 40 deadlock, 54 a limit exceeded.
 */
const ABOUT_ITS_VALUES = new Set(['22', '23', '40', '54']);

/** PostgreSQL has answered with an error: what was asked is rolled back. Anything else leaves that open. */
export function isAnswer(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && !ENDS_THE_SESSION.test(error.code ?? '');
}

/** An error of one append of several, and not one of the database. */
export function isAboutValues(error: unknown): error is DatabaseError {
  return isAnswer(error) && ABOUT_ITS_VALUES.has(error.code?.slice(0, 2) ?? '');
}

/** Somebody else holds a lock for longer than a commit waits for one: rolled back. */
export function isLocked(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === LOCK_TIMEOUT;
}

/** It took too long, by itself or behind a lock: rolled back. Less of it may not. */
export function isTooSlow(error: unknown): boolean {
  return isLocked(error) || (error instanceof DatabaseError && error.code === STATEMENT_TIMEOUT);
}

/** The address leads to a server that takes no writes: the primary is elsewhere, or not meant to be written to. */
export class ReadOnly extends Error {}

/** Whoever answers so is not to be asked again on this connection: the address may lead elsewhere by now. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof ReadOnly || (error instanceof DatabaseError && error.code === READ_ONLY);
}

/** The constraint that forbids what was to be inserted, or undefined. */
export function violated(error: unknown): string | undefined {
  return error instanceof DatabaseError && error.code === UNIQUE ? error.constraint : undefined;
}

/** May it help to ask again: is this about two who met, and not about the values? */
export function isMeeting(error: unknown): boolean {
  return isAnswer(error) && error.code?.startsWith('40') === true;
}

/** May a server that is just being started answer better in a second? */
export function isPassing(error: unknown): boolean {
  if (error instanceof DatabaseError) return PASSING.has(error.code ?? '');
  if (error instanceof ReadOnly) return true;
  if (!(error instanceof Error)) return false;
  return NETWORK.has((error as NodeJS.ErrnoException).code ?? '') || LOST.test(error.message);
}

/** The database answers, and cannot be what Parlor needs. */
export class Unfit extends Error {}

/** One line for a human: what is wrong, and where it helps, what to do. Never the password. */
export function describe(error: unknown, { user, database, where }: Address): string {
  const code = error instanceof DatabaseError ? (error.code ?? '') : '';
  const text = oneLine(error);
  // What pg says itself of a password that is missing or that it cannot use begins with SASL.
  if (WRONG_PASSWORD.has(code) || text.startsWith('SASL'))
    return `PostgreSQL at ${where}: ${text}: check the user and password in DATABASE_URL`;
  if (code === NO_DATABASE) return `PostgreSQL at ${where}: there is no database ${database}: create it`;
  if (code === NO_RIGHT)
    return `PostgreSQL at ${where}: ${text}: the schema parlor and all in it has to be ${user}'s, GRANT CREATE ON DATABASE ${database} TO ${user} lets Parlor make it`;
  if (code === '' && UNANSWERED.test(text)) return `PostgreSQL at ${where} does not answer in time`;
  if (isReadOnly(error)) return `PostgreSQL at ${where} is read-only: ${text}`;
  return `PostgreSQL at ${where}: ${text}`;
}

function oneLine(error: unknown): string {
  // Node tries several addresses of a name, and puts all that went wrong into one error without a text.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const text = first instanceof Error ? first.message || first.name : String(first);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
