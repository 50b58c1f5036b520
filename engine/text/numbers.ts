const DIGITS = /^(?:0|[1-9]\d{0,15})$/;

/** A whole number from 0 to 2^53 − 1, the last that JavaScript can tell from the next, in digits; null: it is none. */
export function wholeOf(text: string): number | null {
  if (!DIGITS.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : null;
}
