/** Which worker this process is, where several share a port (`workers.ts`). */
export interface Worker {
  /** 1, 2, 3, … */
  readonly number: number;
  /** How often it was started again. */
  readonly restarts: number;
}

/** What a parent tells its workers. */
export type Order =
  /** As `Node.announceStop`. */
  | { readonly type: 'announce_stop' }
  /** Drain within `ms`, and end. */
  | { readonly type: 'stop'; readonly ms: number };

/** What a worker tells its parent. */
export type Report =
  | { readonly type: 'listening' }
  /** It was sent a signal. Its parent says when its turn is. */
  | { readonly type: 'asks_to_stop'; readonly signal: string };

/** A worker's link to its parent. */
export interface Parent {
  readonly worker: Worker;
  report(report: Report): void;
  /** `gone`: the parent has died, and gives no more orders. */
  obey(order: (order: Order) => void, gone: () => void): void;
}

const NUMBER = 'PARLOR_WORKER';
const RESTARTS = 'PARLOR_WORKER_RESTARTS';

/** What a worker's environment has beside its settings. */
export function workerEnv({ number, restarts }: Worker): Record<string, string> {
  return { [NUMBER]: String(number), [RESTARTS]: String(restarts) };
}

/** The parent of this process; null: it is no worker. */
export function findParent(): Parent | null {
  const number = Number(process.env[NUMBER] ?? 0);
  // The variable alone may have been inherited.
  if (number === 0 || process.send === undefined) return null;
  return {
    worker: { number, restarts: Number(process.env[RESTARTS] ?? 0) },
    report(report) {
      if (process.connected) process.send?.(report);
    },
    obey(order, gone) {
      process.on('message', (message) => order(message as Order));
      process.on('disconnect', gone);
    },
  };
}
