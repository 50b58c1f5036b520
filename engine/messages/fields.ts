import { FormatRegistry, Type } from '@sinclair/typebox';
import { idFault, idOfKey } from '../text/message-ids.js';
import { keptNameFault, USER_MAX, userFault } from '../text/names.js';
import { keptTextFault, TEXT_MAX, textFault } from '../text/texts.js';

/**
 * Our formats, explained in words: what is wrong with a value, or null. JSON Schema can only name a format.
 */
export const FORMAT_RULES: Readonly<Record<string, (value: string) => string | null>> = {
  'message-text': textFault,
  'user-name': userFault,
  'kept-text': keptTextFault,
  'kept-name': keptNameFault,
  uuid: idFault,
  'idempotency-key': (value) => idFault(idOfKey(value)),
};
for (const [name, fault] of Object.entries(FORMAT_RULES))
  FormatRegistry.Set(name, (value) => fault(value) === null);
FormatRegistry.Set('date-time', (value) => !Number.isNaN(Date.parse(value)));

export const RoomId = Type.String({
  // No HTTP client can name these two: they are steps in a path (RFC 3986 section 5.2.4).
  pattern: '^(?!\\.{1,2}$)[A-Za-z0-9_.:-]{1,64}$',
  description: '1–64 of A-Z a-z 0-9 _ . : -, but neither . nor ..',
  examples: ['42'],
});
export const MessageText = Type.String({
  format: 'message-text',
  description: `1–${TEXT_MAX} characters (not bytes) after trimming; no NUL, no lone surrogate, and something to be seen`,
  examples: ['Hello'],
});
export const UserName = Type.String({
  format: 'user-name',
  description: `1–${USER_MAX} characters in Unicode’s form NFC (others are converted), none of them a control character or invisible`,
  examples: ['alice'],
});
/** A name in what has happened; see `keptNameFault`. */
export const KeptName = Type.String({
  format: 'kept-name',
  description: `1–${USER_MAX} characters`,
  examples: ['alice'],
});
/** A text in what has happened; see `keptTextFault`. */
export const KeptText = Type.String({
  format: 'kept-text',
  description: `1–${TEXT_MAX} characters (not bytes)`,
  examples: ['Hello'],
});
export const Uuid = Type.String({ format: 'uuid' });
export const IdempotencyKey = Type.String({
  format: 'idempotency-key',
  description: 'a UUID, also in quotation marks (a string of RFC 8941)',
});
export const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' });
/** Beyond this, JavaScript cannot tell a number from the next, and a store's may come to its end. */
const GREATEST = Number.MAX_SAFE_INTEGER;
export const Seq = Type.Integer({
  minimum: 0,
  maximum: GREATEST,
  description: 'position in the room: 1, 2, 3, … with no gap',
});
export const MembersVersion = Type.Integer({
  minimum: 0,
  maximum: GREATEST,
  description: 'grows with each change of the list of members; an event with a smaller one is out of date',
});
export const RequestId = Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\x21-\\x7e]+$' });
