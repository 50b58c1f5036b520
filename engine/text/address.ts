/** An address holds nothing else; other characters are percent-encoded (RFC 3986 section 2). */
const OUTSIDE = /[^\x21-\x7e]/;
const OUTSIDE_ALL = /[^\x21-\x7e]+/g;

/**
 * What is wrong with a path or a query as it was sent, or null. Percent signs must stand for UTF-8: a decoder that
 * puts U+FFFD in place of what it cannot read would make one user of two names.
 */
export function addressFault(sent: string | undefined): string | null {
  if (sent === undefined) return null;
  if (OUTSIDE.test(sent)) return 'must percent-encode characters that are not ASCII';
  if (!sent.includes('%')) return null;
  try {
    decodeURIComponent(sent);
    return null;
  } catch {
    return 'must be UTF-8, percent-encoded: é is %C3%A9';
  }
}

/** An address for a log: what it must not hold is percent-encoded, so that no control character reaches a terminal. */
export function loggable(address: string): string {
  return address.replace(OUTSIDE_ALL, (character) =>
    Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(
      '',
    ),
  );
}
