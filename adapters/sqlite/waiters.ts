import type { Clock } from '../../engine/ports.js';

/** Promises that wait for one thing to happen, each with a timeout of its own. */
export interface Waiters {
  /** Resolves with true when `done` is called, or with false after `ms`. */
  wait(ms: number): Promise<boolean>;
  /** It has happened: resolves all of them. */
  done(): void;
  /** How many are waiting. */
  readonly count: number;
}

export function createWaiters(clock: Clock): Waiters {
  const waiting = new Set<() => void>();
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const finish = (): void => {
          cancel();
          resolve(true);
        };
        const cancel = clock.after(ms, () => {
          waiting.delete(finish);
          resolve(false);
        });
        waiting.add(finish);
      }),
    done() {
      const all = [...waiting];
      waiting.clear();
      for (const finish of all) finish();
    },
    get count() {
      return waiting.size;
    },
  };
}
