import type { Clock } from '../engine/ports.js';

/** How long a refusal is delayed, ms: as long as its Retry-After, which a client should wait anyway. */
const LATE_MS = 1_000;
/** How often the refusals that are due are sent, ms. */
const STEP_MS = 50;
/** At most this many refusals are delayed, some hundred bytes each. */
const MOST = 16_384;

/** Delays refusals. */
export interface LateRefusals {
  /** Calls `refuse` in a second, or at once if too many are waiting. */
  add(refuse: () => void): void;
}

/**
 * Over HTTP a refusal costs nearly as much as an answer, and many clients retry at once. Under overload a node would do
 * nothing but refuse. A client that waits for an answer sends nothing. So refusals for overload are delayed, which slows
 * clients down to a rate that can be served.
 */
export function lateRefusals(clock: Clock): LateRefusals {
  let waiting: { readonly at: number; readonly refuse: () => void }[] = [];
  let isSet = false;

  function set(): void {
    if (isSet) return;
    isSet = true;
    clock.after(STEP_MS, sendDue);
  }

  function sendDue(): void {
    isSet = false;
    const now = clock.elapsed();
    const next = waiting.findIndex(({ at }) => at > now);
    const due = waiting.slice(0, next < 0 ? waiting.length : next);
    waiting = waiting.slice(due.length);
    if (waiting.length > 0) set();
    for (const { refuse } of due) refuse();
  }

  return {
    add(refuse) {
      if (waiting.length >= MOST) {
        refuse();
        return;
      }
      waiting.push({ at: clock.elapsed() + LATE_MS, refuse });
      set();
    },
  };
}
