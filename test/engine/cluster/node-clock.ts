import type { Clock } from '../../../engine/ports.js';
import type { ManualClock } from '../../support/clock.js';

/** The clock of one node: its timers wait while the node is suspended, and end with it. */
export class NodeClock implements Clock {
  private held: (() => void)[] | null = null;
  private readonly cancels = new Set<() => void>();
  private isOver = false;

  constructor(private readonly shared: ManualClock) {}

  /** Each reading is 1 ms after the one before: on a real machine no two things on two nodes happen at the same time. */
  now(): number {
    this.shared.set(1);
    return this.shared.now();
  }

  elapsed(): number {
    return this.shared.elapsed();
  }

  after(ms: number, call: () => void): () => void {
    if (this.isOver) return () => undefined;
    let isOff = false;
    const cancel = this.shared.after(ms, () => {
      this.cancels.delete(off);
      this.call(() => {
        if (!isOff) call();
      });
    });
    const off = (): void => {
      isOff = true;
      this.cancels.delete(off);
      cancel();
    };
    this.cancels.add(off);
    return off;
  }

  /** Calls now, or when the node goes on. */
  call(call: () => void): void {
    if (this.isOver) return;
    if (this.held) this.held.push(call);
    else call();
  }

  get isSuspended(): boolean {
    return this.held !== null;
  }

  suspend(): void {
    this.held ??= [];
  }

  goOn(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const call of held) this.call(call);
  }

  end(): void {
    this.isOver = true;
    this.held = null;
    for (const off of [...this.cancels]) off();
  }
}
