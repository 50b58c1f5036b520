import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Assignment, OrderName, Orders, Reply } from './orders.js';

/** One of the processes that make the load. */
export interface LoadProcess {
  /** One order at a time. Rejects with what went wrong there, or when the process ends. */
  ask<N extends OrderName>(name: N, given: Orders[N]['given']): Promise<Orders[N]['answer']>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 2_000;
const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

interface Waiting {
  resolve(answer: unknown): void;
  reject(cause: Error): void;
}

export function startProcess(assignment: Assignment): LoadProcess {
  // Its standard output would be taken for ours. It ends when we do, as then the channel is closed.
  const child = fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let waiting: Waiting | null = null;
  let gone: Error | null = null;
  const ended = new Promise<void>((resolve) =>
    child.once('exit', (code, signal) => {
      gone = new Error(`a process of the load ended with ${signal ?? code ?? 'nothing'}: its error is above`);
      waiting?.reject(gone);
      resolve();
    }),
  );
  child.on('message', (reply: Reply) => {
    const asked = waiting;
    waiting = null;
    if ('error' in reply) asked?.reject(new Error(reply.error));
    else asked?.resolve(reply.answer);
  });
  child.send(assignment);

  /**
   * Resets the connections: one that says goodbye first keeps its port for a minute, and after some loads of ten
   * thousand the next one spends its time on looking for free ones. A process that hangs is not waited for.
   */
  async function dropAll(): Promise<void> {
    if (gone) return;
    const told = new Promise<void>((resolve) => child.once('message', () => resolve()));
    let patience: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (patience = setTimeout(resolve, PATIENCE_MS)));
    child.send({ name: 'drop', given: {} });
    await Promise.race([told, ended, late]);
    clearTimeout(patience);
  }

  return {
    async ask<N extends OrderName>(name: N, given: Orders[N]['given']) {
      const answer = await new Promise((resolve, reject) => {
        if (gone) return reject(gone);
        waiting = { resolve, reject };
        child.send({ name, given });
      });
      return answer as Orders[N]['answer'];
    },
    async stop() {
      await dropAll();
      child.kill('SIGKILL');
      await ended;
    },
  };
}
