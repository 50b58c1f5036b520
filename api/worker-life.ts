import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { workerEnv, type FromWorker, type ToWorker, type Worker } from './worker.js';

/** How a process ended: one of the two is null. A process that could not be started has code 1. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One process of a worker. Each restart creates a new one. */
export interface WorkerLife {
  /** undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Resolves with true when it listens, with false when it ends before that. */
  readonly listening: Promise<boolean>;
  readonly ended: Promise<Ending>;
  /** Whether drain() was called. */
  readonly drainCalled: boolean;
  /** Makes its readiness check fail. It keeps serving. */
  announceStop(): void;
  /** Makes it read its certificate again. */
  renewCertificate(): void;
  /**
   * Tells it to finish within `ms` and exit. Sends SIGKILL `killMs` after this call, so `killMs` must exceed `ms`.
   * Resolves at exit, with whether it was a clean one: true for code 0, SIGTERM or SIGINT.
   */
  drain(ms: number, killMs: number): Promise<boolean>;
  /** Sends SIGKILL; nothing is drained. */
  kill(): void;
}

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/**
 * Starts a worker with this process's environment, stdout and stderr. `onStopSignal` is called when the worker received a
 * stop signal; the parent decides what happens.
 */
export function startWorker(
  worker: Worker,
  port: number,
  onStopSignal: (life: WorkerLife, signal: string) => void,
): WorkerLife {
  const env = { ...process.env, ...workerEnv(worker), PORT: String(port) };
  const child = fork(MAIN, [], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    // Without a pid it could not be started, and no 'exit' follows. Any other error is about a message that could not be
    // sent because the process has ended, which 'exit' reports.
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: 1, signal: null });
    });
  });
  const listening = new Promise<boolean>((resolve) => {
    child.on('message', (message) => {
      const report = message as FromWorker;
      switch (report.type) {
        case 'listening':
          return resolve(true);
        case 'asks_to_stop':
          return onStopSignal(life, report.signal);
      }
    });
    void ended.then(() => resolve(false));
  });
  let drainCalled = false;

  function send(order: ToWorker): void {
    if (child.connected) child.send(order);
  }

  const life: WorkerLife = {
    pid: child.pid,
    listening,
    ended,
    get drainCalled() {
      return drainCalled;
    },
    announceStop: () => send({ type: 'announce_stop' }),
    renewCertificate: () => send({ type: 'renew_certificate' }),
    async drain(ms, killMs) {
      drainCalled = true;
      send({ type: 'stop', ms });
      const timer = setTimeout(() => child.kill('SIGKILL'), killMs);
      const { code, signal } = await ended;
      clearTimeout(timer);
      // SIGTERM or SIGINT can only end a process that has not installed its handlers yet. It had no clients, so the exit
      // counts as clean.
      return code === 0 || signal === 'SIGTERM' || signal === 'SIGINT';
    },
    kill: () => void child.kill('SIGKILL'),
  };
  return life;
}
