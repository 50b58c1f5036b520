import type { Clock, Log, StoreState } from '../../engine/ports.js';
import { errorText } from '../../engine/errors.js';

/** How often a store that cannot write tries again, ms. */
const PROBE_MS = 1_000;

export interface Health {
  state(): StoreState;
  /** The store is open and can write; or it is not, with the reason. */
  begun(reason: string | null): void;
  /** Writing does not work; it is tried about every second until it does. */
  trouble(reason: string): void;
  /** For good: not ready any more, and nothing is tried. */
  end(reason: string): void;
  /** The store was closed. */
  close(): void;
}

/**
 * Whether the store can write now, and why not. `probe` writes something small, or rejects with why it cannot; it is
 * called until it succeeds, and then the store is ready again.
 */
export function createHealth(clock: Clock, log: Log, probe: () => Promise<void>): Health {
  let reason: string | null = 'not started';
  let final = false;
  let stopTimer: (() => void) | null = null;

  function tryAgain(): void {
    if (stopTimer || final) return;
    stopTimer = clock.after(PROBE_MS, () => {
      probe().then(recovered, (cause: unknown) => {
        stopTimer = null;
        if (!final) reason = errorText(cause);
        tryAgain();
      });
    });
  }

  function recovered(): void {
    stopTimer = null;
    if (final) return;
    reason = null;
    log.info({}, 'sqlite: the database can be written again');
  }

  function finish(why: string): void {
    final = true;
    reason = why;
    stopTimer?.();
    stopTimer = null;
  }

  return {
    state: () => ({ kind: 'sqlite', ready: reason === null, reason }),
    begun(why) {
      if (!final) reason = why;
    },
    trouble(why) {
      if (final) return;
      if (reason === null) log.error({ reason: why }, 'sqlite: the database cannot be written');
      reason = why;
      tryAgain();
    },
    end(why) {
      if (!final) log.error({ reason: why }, 'sqlite: the database is given up until the next start');
      finish(why);
    },
    close: () => finish('closed'),
  };
}
