/**
 * Work of one kind that has only a share of each turn of the event loop, so that nobody else is kept waiting,
 * however much of it comes at once. What does not fit into a turn is done in the next ones, in order.
 */
export class TurnShare {
  private waiting: (() => void)[] = [];
  private spentMs = 0;
  private isScheduled = false;

  /** `mostMs`: no more is begun in a turn in which so many ms were spent. */
  constructor(private readonly mostMs: number) {}

  /** Whether something may be done now: nothing waits, and there is time left in this turn. */
  get isFree(): boolean {
    return this.waiting.length === 0 && this.spentMs < this.mostMs;
  }

  /** Does it now. Throws what it throws. */
  spend<T>(work: () => T): T {
    this.schedule();
    const begun = performance.now();
    try {
      return work();
    } finally {
      this.spentMs += performance.now() - begun;
    }
  }

  /** Does it in a later turn, behind what waits already. */
  later(work: () => void): void {
    this.waiting.push(work);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.turn());
  }

  private turn(): void {
    this.isScheduled = false;
    this.spentMs = 0;
    let done = 0;
    try {
      for (const work of this.waiting) {
        if (this.spentMs >= this.mostMs) break;
        done++;
        this.spend(work);
      }
    } finally {
      this.waiting = this.waiting.slice(done);
      if (this.waiting.length > 0) this.schedule();
    }
  }
}
