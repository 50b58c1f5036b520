import type { Clock } from '../../engine/ports.js';

/** Those who wait for one thing to happen, each for a time of its own. */
export interface Waiters {
  /** True once `tell` is called, false after `ms`: then nothing is left of the waiting. */
  wait(ms: number): Promise<boolean>;
  /** It has happened. */
  tell(): void;
  /** How many wait. */
  readonly count: number;
}

export function createWaiters(clock: Clock): Waiters {
  const waiting = new Set<() => void>();
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const tell = (): void => {
          cancel();
          resolve(true);
        };
        const cancel = clock.after(ms, () => {
          waiting.delete(tell);
          resolve(false);
        });
        waiting.add(tell);
      }),
    tell() {
      const told = [...waiting];
      waiting.clear();
      for (const tell of told) tell();
    },
    get count() {
      return waiting.size;
    },
  };
}
