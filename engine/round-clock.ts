import type { Clock } from './ports.js';

/**
 * A clock that stands still during a round of a scheduler. A round takes about 2 ms and gives turns to hundreds of actors,
 * and each would read the clock three times: 1 to 2 % of a post (bench/NOTES.md). Between rounds it is the clock itself.
 */
export class RoundClock implements Clock {
  private inRound = false;
  /** What was read in this round; NaN: not yet. */
  private nowMs = NaN;
  private elapsedMs = NaN;

  constructor(private readonly clock: Clock) {}

  begin(): void {
    this.inRound = true;
    this.nowMs = NaN;
    this.elapsedMs = NaN;
  }

  end(): void {
    this.inRound = false;
  }

  now(): number {
    if (!this.inRound) return this.clock.now();
    if (Number.isNaN(this.nowMs)) this.nowMs = this.clock.now();
    return this.nowMs;
  }

  elapsed(): number {
    if (!this.inRound) return this.clock.elapsed();
    if (Number.isNaN(this.elapsedMs)) this.elapsedMs = this.clock.elapsed();
    return this.elapsedMs;
  }

  after(ms: number, call: () => void): () => void {
    return this.clock.after(ms, call);
  }
}
