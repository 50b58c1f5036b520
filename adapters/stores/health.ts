import { errorText } from '../../engine/errors.js';
import type { Clock, Log, StoreState } from '../../engine/ports.js';

/** Whether a database can be written to now, and why not. */
export interface Health {
  state(): StoreState;
  /** True once a probe has confirmed that nothing can be written: then no call needs to time out to learn it. */
  readonly down: boolean;
  /** True once a probe got no answer from the database at all. (A full disk can still be read.) */
  readonly unreachable: boolean;
  /** The database is open and can be written to. */
  started(): void;
  /** The start failed, for this reason. It may be tried again. */
  startFailed(reason: string): void;
  /** Something failed, for this reason: not ready until a probe succeeds. Without effect before `started`. */
  failed(reason: string): void;
  /** Gives the database up, for this reason: not ready, and not probed any more. */
  end(reason: string): void;
  /** The store was closed. */
  closed(): void;
}

export interface HealthOptions {
  readonly kind: 'sqlite' | 'postgres';
  readonly clock: Clock;
  readonly log: Log;
  /** Writes something small. Rejects if that is not possible, within a bounded time. */
  readonly probe: () => Promise<unknown>;
  /** From a failure to the first probe, ms. */
  readonly firstProbeMs: number;
  /** What an error of a probe means, in one line for an operator. */
  readonly reasonOf?: (error: unknown) => string;
  /** Whether an error of a probe is an answer of the database. */
  readonly isAnswer?: (error: unknown) => boolean;
}

/** From a probe that failed to the next one, ms: a client that waits hardly notices one second. */
const PROBE_EVERY_MS = 1_000;

/** The health of one database. Nothing is probed before it has started, and after that only while it is not ready. */
export function createHealth(options: HealthOptions): Health {
  const { kind, clock, log, probe, firstProbeMs, reasonOf = errorText, isAnswer = () => false } = options;
  let reason: string | null = 'not started';
  let phase: 'starting' | 'running' | 'over' = 'starting';
  let down = false;
  let unreachable = false;
  /** Whether a probe is under way or due. */
  let probing = false;
  /** Counts failures: a probe that succeeds says nothing about what failed after it had begun. */
  let failures = 0;
  let cancel = (): void => undefined;

  async function runProbe(): Promise<void> {
    const before = failures;
    try {
      await probe();
    } catch (error) {
      if (phase !== 'running') return;
      reason = reasonOf(error);
      down = true;
      unreachable = !isAnswer(error);
      probeIn(PROBE_EVERY_MS);
      return;
    }
    probing = false;
    if (phase !== 'running') return;
    if (failures > before) {
      probeIn(firstProbeMs);
      return;
    }
    reason = null;
    down = unreachable = false;
    log.info({}, `${kind}: the database can be written again`);
  }

  function probeIn(ms: number): void {
    probing = true;
    if (ms === 0) void runProbe();
    else cancel = clock.after(ms, () => void runProbe());
  }

  function finish(why: string): void {
    phase = 'over';
    reason = why;
    down = unreachable = true;
    cancel();
  }

  return {
    state: () => ({ kind, ready: reason === null, reason }),
    get down() {
      return down;
    },
    get unreachable() {
      return unreachable;
    },
    started() {
      if (phase === 'over') return;
      phase = 'running';
      reason = null;
    },
    startFailed(why) {
      if (phase !== 'over') reason = why;
    },
    failed(why) {
      if (phase !== 'running') return;
      failures += 1;
      if (reason === null) log.error({ reason: why }, `${kind}: the database cannot be written`);
      reason = why;
      if (!probing) probeIn(firstProbeMs);
    },
    end(why) {
      if (phase !== 'over')
        log.error({ reason: why }, `${kind}: the database is given up until the next start`);
      finish(why);
    },
    closed: () => finish('closed'),
  };
}
