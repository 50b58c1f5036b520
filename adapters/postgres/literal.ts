const SPECIAL = /["\\]/;
const SPECIALS = /["\\]/g;

/**
 * PostgreSQL's text form of an array of texts. pg has a function for it as well; this one is several times as fast,
 * and a commit of a thousand events holds ten thousand elements.
 */
export function textArray(values: readonly (string | null)[]): string {
  let literal = '{';
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? null;
    if (i > 0) literal += ',';
    literal += value === null ? 'NULL' : quoted(value);
  }
  return `${literal}}`;
}

/** The same of whole numbers. */
export function numberArray(values: readonly number[]): string {
  return `{${values.join(',')}}`;
}

function quoted(value: string): string {
  return SPECIAL.test(value) ? `"${value.replace(SPECIALS, '\\$&')}"` : `"${value}"`;
}
