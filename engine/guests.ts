import { createHash, randomBytes } from 'node:crypto';

/** Nobody guesses 128 random bits. */
const TOKEN_BYTES = 16;
/** 48 bits of a name: two of a million guests have the same one with a chance of 1 to 600. */
const NAME_DIGITS = 12;
/** What a guest's token looks like: a regular expression, for the documents too. */
export const GUEST_TOKEN_PATTERN = '^[A-Za-z0-9_-]{22}$';
const TOKEN = new RegExp(GUEST_TOKEN_PATTERN);
const NAME = /^guest-[0-9a-f]{12}$/;

/**
 * A client without a user name of its own. It keeps the name it is given for as long as it keeps its token.
 */
export interface Guest {
  readonly user: string;
  /**
   * The client comes back with this secret. Every node derives the same name from it; nobody can derive it
   * from the name.
   */
  readonly token: string;
}

export function newGuest(): Guest {
  return guestOf(randomBytes(TOKEN_BYTES).toString('base64url'));
}

/** The guest that a token belongs to; null if the text is no token. */
export function readGuest(token: string): Guest | null {
  return TOKEN.test(token) ? guestOf(token) : null;
}

/** Whether a name is a guest's. Such a name can be had with its token only. */
export function isGuestName(user: string): boolean {
  return NAME.test(user);
}

function guestOf(token: string): Guest {
  const digest = createHash('sha256').update(token).digest('hex');
  return { user: `guest-${digest.slice(0, NAME_DIGITS)}`, token };
}
