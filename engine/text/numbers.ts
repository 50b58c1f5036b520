const DIGITS = /^(?:0|[1-9]\d{0,15})$/;

/** A whole number from 0 to 2^53 − 1, the last that JavaScript can tell from the next, in digits; null: it is none. */
export function wholeOf(text: string): number | null {
  if (!DIGITS.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : null;
}

/**
 * A regular expression for what `wholeOf` takes, for a document: numbers of fewer digits than the greatest; those that
 * differ from it first in a smaller digit; and itself.
 */
export const WHOLE_PATTERN = ((greatest: string): string => {
  const smaller = Array.from(greatest).flatMap((digit, at) => {
    const least = at === 0 ? 1 : 0;
    const rest = greatest.length - at - 1;
    if (Number(digit) <= least) return [];
    return [`${greatest.slice(0, at)}[${least}-${Number(digit) - 1}][0-9]{${rest}}`];
  });
  return ['0', `[1-9][0-9]{0,${greatest.length - 2}}`, ...smaller, greatest].join('|');
})(String(Number.MAX_SAFE_INTEGER));
