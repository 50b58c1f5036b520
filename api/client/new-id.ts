/** A random UUID, also where `crypto.randomUUID` is missing: on pages that came over plain HTTP from another machine. */
export function newId(): string {
  // 0, 1 and 8 stand for random digits; that of 8 begins with the bits 10 (RFC 9562, version 4).
  return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) => {
    const [random = 0] = crypto.getRandomValues(new Uint8Array(1));
    return (digit === '8' ? (random & 3) | 8 : random & 15).toString(16);
  });
}
