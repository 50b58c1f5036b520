import { v7, validate } from 'uuid';

/** A new UUID v7 (RFC 9562 section 5.7): unique, and sorted by the time it was made. */
export function newId(): string {
  return v7();
}

/** Whether a string is a UUID in its canonical text form, of any version. */
export function isUuid(text: string): boolean {
  return validate(text);
}
