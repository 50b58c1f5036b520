import { isUuid } from '../ids.js';

const CAPITAL = /[A-F]/;
/** A string of RFC 8941; a UUID has nothing in it that would be escaped there. */
const IN_QUOTATION_MARKS = /^"([^"]*)"$/;

/** A UUID as it is compared, kept and answered: in lower case (RFC 9562 section 4). What is no UUID stays as it is. */
export function idOf(given: string): string {
  return CAPITAL.test(given) && isUuid(given) ? given.toLowerCase() : given;
}

/** The id in an Idempotency-Key, which may stand in quotation marks. */
export function idOfKey(key: string): string {
  return idOf(IN_QUOTATION_MARKS.exec(key)?.[1] ?? key);
}

/** What is wrong with a UUID, or null. */
export function idFault(given: string): string | null {
  return isUuid(given) ? null : 'must be a UUID, such as 0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';
}
