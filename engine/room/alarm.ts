import type { Clock } from '../ports.js';

/** One timer for several times: it rings at the first of them. */
export class Alarm {
  private timer: { readonly at: number; readonly cancel: () => void } | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  /** Rings at `at` (monotonic, ms), unless it is set to ring sooner. Infinity: no time to wait for. */
  by(at: number): void {
    if (at === Infinity || (this.timer && this.timer.at <= at)) return;
    this.off();
    const cancel = this.clock.after(Math.max(1, at - this.clock.elapsed()), () => {
      this.timer = null;
      this.ring();
    });
    this.timer = { at, cancel };
  }

  off(): void {
    this.timer?.cancel();
    this.timer = null;
  }
}
