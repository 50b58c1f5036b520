import { taken, waitMs, type FullAt, type Rate } from './rate.js';

/** After so many new keys, those whose buckets are full are forgotten: they need not be known. */
const SWEEP_EVERY = 1_024;

/** One token bucket for each key: a user, a room or an address. Remembers only those that are not full. */
export class Limiter {
  private readonly buckets = new Map<string, FullAt>();
  private sweepAt = SWEEP_EVERY;

  constructor(private readonly rate: Rate) {}

  /** Keys that are remembered. */
  get size(): number {
    return this.buckets.size;
  }

  /** Takes one; 0, or how many ms this key has to wait before it may take one: then nothing is taken. `now`: monotonic, ms. */
  take(key: string, now: number): number {
    const { rate, buckets } = this;
    if (rate.intervalMs === 0) return 0;
    const fullAt = buckets.get(key) ?? 0;
    const wait = waitMs(rate, fullAt, now);
    if (wait > 0) return wait;
    buckets.set(key, taken(rate, fullAt, now));
    if (buckets.size >= this.sweepAt) this.sweep(now);
    return 0;
  }

  /** Empties the bucket of this key, which has to wait a whole interval from now on. */
  empty(key: string, now: number): void {
    const { rate, buckets } = this;
    if (rate.intervalMs === 0) return;
    buckets.set(key, now + rate.intervalMs * rate.burst);
    if (buckets.size >= this.sweepAt) this.sweep(now);
  }

  /** How many ms this key has to wait before it may take one; 0: none. */
  waitOf(key: string, now: number): number {
    if (this.rate.intervalMs === 0) return 0;
    return waitMs(this.rate, this.buckets.get(key) ?? 0, now);
  }

  private sweep(now: number): void {
    for (const [key, fullAt] of this.buckets) if (fullAt <= now) this.buckets.delete(key);
    // The more are left, the later the next sweep: so it costs each new key the same on average.
    this.sweepAt = this.buckets.size * 2 + SWEEP_EVERY;
  }
}
