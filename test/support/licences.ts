/** Licences under which Parlor may use a package, by their SPDX names: none asks for more than to be named. */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
  'Zlib',
]);

/** Whether an SPDX expression such as `(MIT OR CC0-1.0)` leaves a choice that is allowed. Parentheses inside are not read. */
export function isAllowedLicence(expression: string): boolean {
  const inner = expression.replace(/^\((.*)\)$/, '$1');
  return inner.split(' OR ').some((choice) => choice.split(' AND ').every((one) => ALLOWED.has(one)));
}
