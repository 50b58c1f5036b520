/** RFC 3339 in UTC, of ms since 1970. The last one is kept: to write one costs 1 µs, and many messages share a millisecond. */
export function createTimestamps(): (ms: number) => string {
  let latest = { ms: NaN, text: '' };
  return (ms) => {
    if (ms !== latest.ms) latest = { ms, text: new Date(ms).toISOString() };
    return latest.text;
  };
}
