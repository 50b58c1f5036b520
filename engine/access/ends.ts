import type { Clock } from '../ports.js';

/** How late an end may be noticed, ms. */
const STEP_MS = 250;

/** What is to be ended at a time. */
export interface Ending {
  /** Its time has come. */
  over(): void;
}

/**
 * Ends things at their time by the wall clock, at most a quarter of a second late. One timer serves all, because a timer
 * for each of 100,000 connections would cost more than the connections do. Those without an end are not to be added.
 */
export class Ends {
  private readonly bySlot = new Map<number, Set<Ending>>();
  private isTicking = false;

  constructor(private readonly clock: Clock) {}

  add(one: Ending, endsAt: number): void {
    const slot = this.slotOf(endsAt);
    const set = this.bySlot.get(slot);
    if (set) set.add(one);
    else this.bySlot.set(slot, new Set([one]));
    if (this.isTicking) return;
    this.isTicking = true;
    this.tickLater();
  }

  /** `endsAt`: as it was added. */
  remove(one: Ending, endsAt: number): void {
    const slot = this.slotOf(endsAt);
    const set = this.bySlot.get(slot);
    if (set?.delete(one) && set.size === 0) this.bySlot.delete(slot);
  }

  private slotOf(time: number): number {
    return Math.ceil(time / STEP_MS);
  }

  private tickLater(): void {
    this.clock.after(STEP_MS, () => this.tick());
  }

  private tick(): void {
    const now = Math.floor(this.clock.now() / STEP_MS);
    // Few slots are filled, and the clock may have jumped.
    const due = [...this.bySlot].filter(([slot]) => slot <= now);
    for (const [slot, set] of due) {
      this.bySlot.delete(slot);
      for (const one of set) one.over();
    }
    this.isTicking = this.bySlot.size > 0;
    if (this.isTicking) this.tickLater();
  }
}
