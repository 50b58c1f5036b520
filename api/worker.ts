/** Which worker this process is, where several share a port (`workers.ts`). */
export interface Worker {
  /** 1, 2, 3, … */
  readonly number: number;
  /** How often it was restarted. */
  readonly restarts: number;
}

/** Messages of a parent to its workers. */
export type ToWorker =
  /** As `Node.announceStop`. */
  | { readonly type: 'announce_stop' }
  /** Drain within `ms`, and end. */
  | { readonly type: 'stop'; readonly ms: number }
  /** As `Node.renewCertificate`. */
  | { readonly type: 'renew_certificate' };

/** Messages of a worker to its parent. */
export type FromWorker =
  | { readonly type: 'listening' }
  /** It got a signal. Its parent decides when it stops. */
  | { readonly type: 'asks_to_stop'; readonly signal: string };

/** A worker's link to its parent. */
export interface Parent {
  readonly worker: Worker;
  report(report: FromWorker): void;
  /** `gone` is called when the parent has died. */
  obey(order: (order: ToWorker) => void, gone: () => void): void;
}

const NUMBER = 'PARLOR_WORKER';
const RESTARTS = 'PARLOR_WORKER_RESTARTS';

/** The variables in a worker's environment that are not settings. */
export function workerEnv({ number, restarts }: Worker): Record<string, string> {
  return { [NUMBER]: String(number), [RESTARTS]: String(restarts) };
}

/** The parent of this process; null: this process is not a worker. */
export function findParent(): Parent | null {
  const number = Number(process.env[NUMBER] ?? 0);
  // The variable alone is not enough: it may be inherited.
  if (number === 0 || process.send === undefined) return null;
  return {
    worker: { number, restarts: Number(process.env[RESTARTS] ?? 0) },
    report(report) {
      if (process.connected) process.send?.(report);
    },
    obey(order, gone) {
      process.on('message', (message) => order(message as ToWorker));
      process.on('disconnect', gone);
    },
  };
}
