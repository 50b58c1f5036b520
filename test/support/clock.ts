import type { Clock } from '../../engine/ports.js';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

const START = Date.UTC(2024, 0, 1);

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  private passed = 0;
  private wall = START;
  private readonly timers = new Set<Timer>();

  now(): number {
    return this.wall + this.passed;
  }

  elapsed(): number {
    return this.passed;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.passed + ms, call };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  /** Timers that have not gone off. */
  get pending(): number {
    return this.timers.size;
  }

  /** When the next timer goes off (as `elapsed`), or null. */
  get nextAt(): number | null {
    let next: number | null = null;
    for (const { at } of this.timers) if (next === null || at < next) next = at;
    return next;
  }

  /** The wall clock is set forward, or back, by `ms`; timers and `elapsed` do not notice. */
  set(ms: number): void {
    this.wall += ms;
  }

  /** Goes on by `ms`, timer by timer, and gives the actors their turns after each. */
  async pass(ms: number): Promise<void> {
    const end = this.passed + ms;
    await turns(5);
    for (let next = this.next(); next && next.at <= end; next = this.next()) {
      this.ring(next);
      await turns(5);
    }
    this.passed = end;
    await turns(5);
  }

  /** Goes on by `ms` in one step: whatever was due in between goes off now. */
  jump(ms: number): void {
    this.passed += ms;
    const due = [...this.timers].filter(({ at }) => at <= this.passed).sort((a, b) => a.at - b.at);
    for (const timer of due) if (this.timers.has(timer)) this.ring(timer);
  }

  private next(): Timer | undefined {
    return [...this.timers].sort((a, b) => a.at - b.at)[0];
  }

  private ring(timer: Timer): void {
    this.timers.delete(timer);
    this.passed = Math.max(this.passed, timer.at);
    timer.call();
  }
}

/** Lets the event loop go round: each actor that has something to do gets a turn in each round. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
