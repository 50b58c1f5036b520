import { characters } from './length.js';
import { showsNothing } from './visible.js';

export const TEXT_MAX = 2048;

/**
 * What is wrong with a message text, or null: 1–2048 characters after trimming; no NUL (PostgreSQL cannot
 * store it in text, PostgreSQL manual 8.3) and no lone surrogate (has no UTF-8 form, RFC 3629 section 3); something
 * in it that can be seen. Every other character is kept as it was sent.
 */
export function textFault(text: string): string | null {
  const fault = keptTextFault(text);
  if (fault !== null) return fault;
  return showsNothing(text) ? 'must hold at least one character that can be seen' : null;
}

/** The same of a text in an event: what was said before the last part of the rule stays readable. */
export function keptTextFault(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed.length === 0) return 'must hold at least one character that is not white space';
  if (!trimmed.isWellFormed()) return 'holds half of a surrogate pair, which is not a character';
  if (trimmed.includes('\u0000')) return 'must not hold the NUL character';
  if (trimmed.length > TEXT_MAX && characters(trimmed) > TEXT_MAX)
    return `must be at most ${TEXT_MAX} characters after trimming`;
  return null;
}
