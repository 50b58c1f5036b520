import { characters } from './length.js';
import { showsNothing } from './visible.js';

export const USER_MAX = 64;

/** Printable ASCII, no blank around it, not too long: nothing more has to be looked at, except for dots. */
const PLAIN = /^[!-~](?:[ -~]{0,62}[!-~])?$/;
const ASCII = /^[ -~]*$/;

/**
 * Characters that no name holds: controls and line separators, and all that is not seen, or that changes how the rest
 * is seen (RFC 8264 sections 9.12 and 9.13, which RFC 8265 refuses in names). Two names that look the same would
 * otherwise be two users.
 */
export const CONTROL = /\p{Cc}/u;
export const HIDDEN = /[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;

/** A user name as it is compared and kept: in NFC (RFC 8265 section 3.3), so however it was typed, it is one user. */
export function nameOf(given: string): string {
  return ASCII.test(given) ? given : given.normalize('NFC');
}

/**
 * What is wrong with a user name, or null: 1–64 characters in NFC, one of them to be seen, none of them hidden, no white
 * space around them.
 */
export function userFault(given: string): string | null {
  if (given === '.' || given === '..')
    return 'must not be . or .., which no HTTP client can name in an address';
  if (PLAIN.test(given)) return null;
  const user = nameOf(given);
  const fault = keptNameFault(user);
  if (fault !== null) return fault;
  if (CONTROL.test(user)) return 'must not hold control characters';
  if (user.trim() !== user) return 'must not begin or end with white space';
  const hidden = HIDDEN.exec(user)?.[0];
  if (hidden !== undefined) return `must not hold ${codePoint(hidden)}, which cannot be seen`;
  return showsNothing(user) ? 'must hold at least one character that can be seen' : null;
}

/**
 * The same of a name in an event: what has happened stays readable, and can be exported and imported, though a name like
 * that would be refused today.
 */
export function keptNameFault(user: string): string | null {
  if (user.length === 0) return 'must hold at least one character';
  if (!user.isWellFormed()) return 'holds half of a surrogate pair, which is not a character';
  if (user.length > USER_MAX && characters(user) > USER_MAX) return `must be at most ${USER_MAX} characters`;
  return user.includes('\u0000') ? 'must not hold control characters' : null;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
