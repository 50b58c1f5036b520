/**
 * Makes a function from ms since 1970 to RFC 3339 in UTC. It keeps its last result: formatting costs 1 µs,
 * and many messages share a millisecond.
 */
export function createTimestamps(): (ms: number) => string {
  let latest = { ms: NaN, text: '' };
  return (ms) => {
    if (ms !== latest.ms) latest = { ms, text: new Date(ms).toISOString() };
    return latest.text;
  };
}
