/** How long to wait for a condition, and what to call it when it does not come true. */
export interface UntilOptions {
  /** Reject after so many ms. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Ask again after so many ms. Default: 20. */
  readonly intervalMs?: number;
  /** What was waited for, as it reads after "gave up waiting for"; a function is asked when waiting ends. */
  readonly what: string | (() => string);
}

/**
 * Asks `condition` until it answers something truthy, and resolves with that.
 *
 * Rejects with a text that names `what` when `timeoutMs` are over, and at once with its own error when
 * `condition` throws or rejects: throw from it to say that waiting has become pointless.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 20, what } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() >= deadline) {
      throw new Error(
        `gave up waiting for ${typeof what === 'string' ? what : what()} after ${timeoutMs} ms`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
