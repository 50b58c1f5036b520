import { FormatRegistry, Type } from '@sinclair/typebox';
import { isUuid } from '../ids.js';

const TEXT_MAX = 2048;
const USER_MAX = 64;

/** Length in characters (Unicode code points), not in UTF-16 units or bytes. */
function characters(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdbff) count++;
    else {
      count++;
      i++;
    }
  }
  return count;
}

/**
 * What is wrong with a message text, or null: 1–2048 characters after trimming; no NUL (PostgreSQL cannot
 * store it in text, PostgreSQL manual 8.3) and no lone surrogate (has no UTF-8 form, RFC 3629 section 3).
 */
export function textFault(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed.length === 0) return 'must hold at least one character that is not white space';
  if (!trimmed.isWellFormed()) return 'holds half of a surrogate pair, which is not a character';
  if (trimmed.includes('\u0000')) return 'must not hold the NUL character';
  if (trimmed.length > TEXT_MAX && characters(trimmed) > TEXT_MAX) {
    return `must be at most ${TEXT_MAX} characters after trimming`;
  }
  return null;
}

/**
 * What is wrong with a user name, or null: 1–64 characters, no control character, no white space around it.
 */
export function userFault(user: string): string | null {
  if (user.length === 0) return 'must hold at least one character';
  if (!user.isWellFormed()) return 'holds half of a surrogate pair, which is not a character';
  if (/\p{Cc}/u.test(user)) return 'must not hold control characters';
  if (user === '.' || user === '..')
    return 'must not be . or .., which no HTTP client can name in an address';
  if (user.trim() !== user) return 'must not begin or end with white space';
  if (user.length > USER_MAX && characters(user) > USER_MAX) return `must be at most ${USER_MAX} characters`;
  return null;
}

/**
 * Our formats, explained in words: what is wrong with a value, or null. JSON Schema can only name a format.
 */
export const FORMAT_RULES: Readonly<Record<string, (value: string) => string | null>> = {
  'message-text': textFault,
  'user-name': userFault,
  // Only one spelling is allowed, because the same id in another spelling would be another message.
  uuid: (value) =>
    isUuid(value) && value === value.toLowerCase()
      ? null
      : 'must be a UUID in lower case, such as 0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a',
};
for (const [name, fault] of Object.entries(FORMAT_RULES))
  FormatRegistry.Set(name, (value) => fault(value) === null);
FormatRegistry.Set('date-time', (value) => !Number.isNaN(Date.parse(value)));

export const RoomId = Type.String({
  pattern: '^[A-Za-z0-9_.:-]{1,64}$',
  description: '1–64 of A-Z a-z 0-9 _ . : -',
  examples: ['42'],
});
export const MessageText = Type.String({
  format: 'message-text',
  description: `1–${TEXT_MAX} characters (not bytes) after trimming; no NUL, no lone surrogate`,
  examples: ['Hello'],
});
export const UserName = Type.String({
  format: 'user-name',
  description: `1–${USER_MAX} characters, none of them a control character`,
  examples: ['alice'],
});
export const Uuid = Type.String({ format: 'uuid' });
export const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' });
export const Seq = Type.Integer({ minimum: 0, description: 'position in the room: 1, 2, 3, … with no gap' });
export const MembersVersion = Type.Integer({
  minimum: 0,
  description: 'grows with each change of the list of members; an event with a smaller one is out of date',
});
export const RequestId = Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\x21-\\x7e]+$' });
