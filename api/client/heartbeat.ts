import type { Settings } from './settings.js';

/** The most that a probe may wait for an answer after a sleep, ms: with its tick, a dead link is known within 5 s. */
const AWAKE_MS = 3_000;
/** A tick that comes later than this, ms, has slept. */
const LATE_MS = 4_000;

export interface Heartbeat {
  /** Something has come. */
  readonly heard: () => void;
  /** The machine or the page may have slept: probes now, with less patience. */
  readonly wake: () => void;
  readonly stop: () => void;
}

/**
 * Notices a dead link. Counts its own ticks instead of reading the clock, which may be set; the clock tells only whether a
 * tick came late, since timers do not run while a machine sleeps.
 */
export function startHeartbeat(
  { heartbeatMs, pongTimeoutMs }: Pick<Settings, 'heartbeatMs' | 'pongTimeoutMs'>,
  /** Makes the other end say something. `afterSleep`: the link may have died unseen. */
  probe: (afterSleep: boolean) => void,
  dead: () => void,
): Heartbeat {
  const tickMs = Math.min(1_000, heartbeatMs / 4);
  let quietMs = 0;
  let last = Date.now();
  let verdict: ReturnType<typeof setTimeout> | undefined;
  const ask = (withinMs: number, afterSleep: boolean): void => {
    clearTimeout(verdict);
    verdict = setTimeout(dead, withinMs);
    probe(afterSleep);
  };
  const wake = (): void => ask(Math.min(AWAKE_MS, pongTimeoutMs), true);
  const ticks = setInterval(() => {
    const now = Date.now();
    const lateMs = now - last - tickMs;
    last = now;
    quietMs += tickMs;
    if (lateMs > LATE_MS) wake();
    else if (quietMs >= heartbeatMs && verdict === undefined) ask(pongTimeoutMs, false);
  }, tickMs);
  return {
    heard() {
      quietMs = 0;
      clearTimeout(verdict);
      verdict = undefined;
    },
    wake,
    stop() {
      clearInterval(ticks);
      clearTimeout(verdict);
    },
  };
}
