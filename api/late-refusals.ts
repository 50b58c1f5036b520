import type { Clock } from '../engine/ports.js';

/** How long a refusal is kept back, ms: about as long as its Retry-After says, and what a client waits for anyway. */
const LATE_MS = 1_000;
/** So often those whose time has come are told, ms. */
const STEP_MS = 50;
/** So many may be kept back: some hundred bytes each. */
const MOST = 16_384;

/** Calls that are to come late. */
export interface LateRefusals {
  /** Calls `refuse` in a second; at once where too many wait already. */
  add(refuse: () => void): void;
}

/**
 * Over HTTP a refusal costs nearly as much as an answer, and whoever has it at once asks again at once: under overload
 * nothing would be done but refusing. A connection that waits for its answer asks for nothing. So the answer that there is
 * no room comes late, which slows down those who ask to what can be served.
 */
export function lateRefusals(clock: Clock): LateRefusals {
  let waiting: { readonly at: number; readonly refuse: () => void }[] = [];
  let isSet = false;

  function set(): void {
    if (isSet) return;
    isSet = true;
    clock.after(STEP_MS, tell);
  }

  function tell(): void {
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
