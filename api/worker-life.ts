import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { workerEnv, type Order, type Report, type Worker } from './worker.js';

/** How a process ended: one of the two is null. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One life of a worker: its process, from start to end. */
export interface WorkerLife {
  readonly pid: number | undefined;
  /** Resolves with true when it listens, with false when it ends before that. */
  readonly listening: Promise<boolean>;
  readonly ended: Promise<Ending>;
  /** It is draining, or has. */
  readonly isLeaving: boolean;
  /** Makes it report that it is going down, and nothing else. */
  announceStop(): void;
  /**
   * Makes it drain within `ms` and end; kills it after `killMs`. Resolves when it has ended, with whether that was a
   * clean exit.
   */
  drain(ms: number, killMs: number): Promise<boolean>;
  kill(): void;
}

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/** Starts a worker with this process's settings and output. `asksToStop` is called when the worker gets a signal. */
export function startWorker(
  worker: Worker,
  port: number,
  asksToStop: (life: WorkerLife, signal: string) => void,
): WorkerLife {
  const env = { ...process.env, ...workerEnv(worker), PORT: String(port) };
  const child = fork(MAIN, [], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<Ending>((over) => {
    child.once('exit', (code, signal) => over({ code, signal }));
    // It could not be started; or an order could not be sent because it has ended, which `exit` reports.
    child.on('error', () => {
      if (child.pid === undefined) over({ code: 1, signal: null });
    });
  });
  const listening = new Promise<boolean>((known) => {
    child.on('message', (message) => {
      const report = message as Report;
      switch (report.type) {
        case 'listening':
          return known(true);
        case 'asks_to_stop':
          return asksToStop(life, report.signal);
      }
    });
    void ended.then(() => known(false));
  });
  let leaving = false;

  function send(order: Order): void {
    if (child.connected) child.send(order);
  }

  const life: WorkerLife = {
    pid: child.pid,
    listening,
    ended,
    get isLeaving() {
      return leaving;
    },
    announceStop: () => send({ type: 'announce_stop' }),
    async drain(ms, killMs) {
      leaving = true;
      send({ type: 'stop', ms: Math.round(ms) });
      const timer = setTimeout(() => child.kill('SIGKILL'), killMs);
      const { code, signal } = await ended;
      clearTimeout(timer);
      // A signal ends it only before it handles signals, when there is nothing to drain.
      return code === 0 || signal === 'SIGTERM' || signal === 'SIGINT';
    },
    kill: () => void child.kill('SIGKILL'),
  };
  return life;
}
