/**
 * What a post's text ends in: `~PPPPPP.NNNNNNNN.TTTTTTTTTTTTTT~`, who posted it, the how manieth of theirs it is, and
 * when it was made or should have been (µs of CLOCK_MONOTONIC, which all processes of a machine share).
 */
const POSTER_DIGITS = 6;
const COUNT_DIGITS = 8;
const TIME_DIGITS = 14;
const COUNT_AT = 1 + POSTER_DIGITS + 1;
const TIME_AT = COUNT_AT + COUNT_DIGITS + 1;
export const MARKER_BYTES = TIME_AT + TIME_DIGITS + 1;
export const MAX_POSTER = 10 ** POSTER_DIGITS - 1;

const TILDE = '~'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
/** Within what is fast as an integer. */
const HALF = 10_000_000;

/** Now, in µs. */
export function clock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1000);
}

/** A marker whose count and time are yet to be written. */
export function blankMarker(poster: number): string {
  const zeros = (digits: number): string => '0'.repeat(digits);
  return `~${String(poster).padStart(POSTER_DIGITS, '0')}.${zeros(COUNT_DIGITS)}.${zeros(TIME_DIGITS)}~`;
}

/** Writes the count and the time into the marker that begins at `at`. */
export function stamp(bytes: Uint8Array, at: number, count: number, time: number): void {
  writeDigits(bytes, at + COUNT_AT, COUNT_DIGITS, count);
  const high = Math.floor(time / HALF);
  writeDigits(bytes, at + TIME_AT, TIME_DIGITS / 2, high);
  writeDigits(bytes, at + TIME_AT + TIME_DIGITS / 2, TIME_DIGITS / 2, time - high * HALF);
}

export function writeDigits(bytes: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value | 0;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    bytes[i] = ZERO + rest - next * 10;
    rest = next;
  }
}

/** Where the marker of the message in [from, to) begins, -1 if it has none. `tail`: what usually follows it. */
export function findMarker(bytes: Buffer, from: number, to: number, tail: number): number {
  const usual = to - tail - MARKER_BYTES;
  if (usual >= from && bytes[usual] === TILDE && bytes[usual + MARKER_BYTES - 1] === TILDE) return usual;
  const end = bytes.subarray(from, to).lastIndexOf(TILDE);
  const at = from + end - MARKER_BYTES + 1;
  return end >= 0 && at >= from && bytes[at] === TILDE ? at : -1;
}

export const markedPoster = (bytes: Uint8Array, at: number): number =>
  readDigits(bytes, at + 1, POSTER_DIGITS);

export const markedCount = (bytes: Uint8Array, at: number): number =>
  readDigits(bytes, at + COUNT_AT, COUNT_DIGITS);

export const markedTime = (bytes: Uint8Array, at: number): number =>
  readDigits(bytes, at + TIME_AT, TIME_DIGITS / 2) * HALF +
  readDigits(bytes, at + TIME_AT + TIME_DIGITS / 2, TIME_DIGITS / 2);

function readDigits(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) value = value * 10 + (bytes[i] ?? ZERO) - ZERO;
  return value;
}
