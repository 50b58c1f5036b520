/** A random UUID, also where `crypto.randomUUID` is missing: on pages that came over plain HTTP from another machine. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // Version 4, variant 10 (RFC 9562).
  const hex = Array.from(bytes, (byte, at) =>
    (at === 6 ? (byte & 0x0f) | 0x40 : at === 8 ? (byte & 0x3f) | 0x80 : byte).toString(16).padStart(2, '0'),
  );
  return [4, 6, 8, 10, 16].map((end, at, ends) => hex.slice(ends[at - 1] ?? 0, end).join('')).join('-');
}
