/** How often something may happen: so many times a second on average, and so many at once. */
export interface Rate {
  /** Ms between two of them on average; 0: there is no limit. */
  readonly intervalMs: number;
  /** How many of them may come at once, after a pause. */
  readonly burst: number;
}

/** `perSecond` 0 is no limit. Who pauses may send for a while at once, as people do: `burstS` seconds' worth. */
export function ratePerSecond(perSecond: number, burstS: number): Rate {
  if (perSecond === 0) return UNLIMITED;
  return { intervalMs: 1_000 / perSecond, burst: Math.max(1, Math.floor(perSecond * burstS)) };
}

export const UNLIMITED: Rate = { intervalMs: 0, burst: 1 };

/**
 * When a token bucket is full again, ms of the monotonic clock: all that has to be kept of it. This is the generic cell rate
 * algorithm (ITU-T I.371), which is a token bucket without a counter that somebody has to fill. A new bucket is full: 0.
 */
export type FullAt = number;

/** A shorter wait, ms, is an error of rounding: 33.3 ms cannot be written exactly, and the last of a burst would be refused. */
const ROUNDING_MS = 0.001;

/** How long one more has to wait now, ms; 0: it need not wait. */
export function waitMs(rate: Rate, fullAt: FullAt, now: number): number {
  const ms = Math.max(fullAt, now) + rate.intervalMs - now - rate.intervalMs * rate.burst;
  return ms < ROUNDING_MS ? 0 : ms;
}

/** The bucket after one more, which does not have to wait. */
export function taken(rate: Rate, fullAt: FullAt, now: number): FullAt {
  return Math.max(fullAt, now) + rate.intervalMs;
}
