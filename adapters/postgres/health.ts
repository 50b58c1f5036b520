import type { Clock, Log, StoreState } from '../../engine/ports.js';

/** Whether the store can be written to, and the asking until it can again. */
export interface Health {
  state(): StoreState;
  /** True once asking has confirmed that it cannot: then nobody needs to wait for a timeout to learn it. */
  readonly down: boolean;
  /** The same for reading: nobody answers. A full disk can be read from. */
  readonly unreachable: boolean;
  started(): void;
  /** Something failed, for this reason: not ready until a probe succeeds. */
  failed(reason: string): void;
  closed(): void;
}

export interface HealthOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Writes something. Rejects if that is not possible, within a bounded time. */
  readonly probe: () => Promise<unknown>;
  readonly reasonOf: (error: unknown) => string;
  /** Whether an error is something that the database has answered. */
  readonly isAnswer: (error: unknown) => boolean;
}

const PROBE_EVERY_MS = 1_000;

export function createHealth(options: HealthOptions): Health {
  const { clock, log, probe, reasonOf, isAnswer } = options;
  let reason: string | null = 'not started';
  let phase: 'starting' | 'running' | 'closed' = 'starting';
  let down = false;
  let unreachable = false;
  let probing = false;
  /** Counts what failed: a probe that succeeds says nothing about what failed after it had begun. */
  let failures = 0;
  let cancel = (): void => undefined;

  async function ask(): Promise<void> {
    probing = true;
    const before = failures;
    try {
      await probe();
      probing = false;
      if (phase !== 'running') return;
      if (failures === before) {
        reason = null;
        down = unreachable = false;
        log.info({}, 'postgres: ready again');
      } else void ask();
    } catch (error) {
      if (phase !== 'running') return;
      reason = reasonOf(error);
      down = true;
      unreachable = !isAnswer(error);
      cancel = clock.after(PROBE_EVERY_MS, () => void ask());
    }
  }

  return {
    state: () => ({ kind: 'postgres', ready: reason === null, reason }),
    get down() {
      return down;
    },
    get unreachable() {
      return unreachable;
    },
    started() {
      phase = 'running';
      reason = null;
    },
    failed(text) {
      if (phase !== 'running') return;
      failures += 1;
      if (reason === null) log.warn({ reason: text }, 'postgres: not ready');
      reason = text;
      if (!probing) void ask();
    },
    closed() {
      phase = 'closed';
      reason = 'closed';
      down = unreachable = true;
      cancel();
    },
  };
}
