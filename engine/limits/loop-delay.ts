import type { Clock } from '../ports.js';

/** How often the event loop is looked at, ms. */
const LOOK_MS = 100;

/**
 * Whether the event loop is late: two looks in a row, which should be 100 ms apart, each came more than `limitMs` too late.
 * One that is late may be a garbage collection; two are more work than there is time for.
 */
export class LoopDelay {
  private lateLooks = 0;
  private cancel: () => void = () => undefined;

  /** `limitMs` 0: never late. */
  constructor(
    private readonly clock: Pick<Clock, 'elapsed' | 'after'>,
    private readonly limitMs: number,
  ) {
    if (limitMs > 0) this.look();
  }

  get isLate(): boolean {
    return this.lateLooks >= 2;
  }

  stop(): void {
    this.cancel();
  }

  private look(): void {
    const due = this.clock.elapsed() + LOOK_MS;
    this.cancel = this.clock.after(LOOK_MS, () => {
      this.lateLooks = this.clock.elapsed() - due > this.limitMs ? this.lateLooks + 1 : 0;
      this.look();
    });
  }
}
