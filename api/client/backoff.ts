/**
 * How long to wait before an attempt, ms: random up to `minBackoffMs` × 2^`attempt`, at most `maxBackoffMs` ("full jitter": thousands that
 * were cut at once do not come back at once). What the server asked for comes on top, as it means "not sooner".
 */
export function backoffMs(
  attempt: number,
  { minBackoffMs, maxBackoffMs }: { readonly minBackoffMs: number; readonly maxBackoffMs: number },
  retryAfterMs: number | null = null,
  random: () => number = Math.random,
): number {
  const jitter = random() * Math.min(maxBackoffMs, minBackoffMs * 2 ** attempt);
  return (retryAfterMs ?? 0) + jitter;
}
