import type { Clock } from './ports.js';

/** Resolves when `work` does, or after `ms`, whichever is first; rejects if `work` does in that time. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  let cancel = (): void => undefined;
  const late = new Promise<void>((over) => (cancel = clock.after(ms, over)));
  await Promise.race([work, late]);
  cancel();
}
