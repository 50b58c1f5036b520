import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AttackPlan, AttackReport } from './plan.js';

/** An attack from a process of its own. */
export interface Attack {
  /** Resolves when all its connections have begun; rejects when it cannot begin. */
  readonly begun: Promise<void>;
  readonly pid: number;
  report(): Promise<AttackReport>;
  /** Ends all its connections; resolves with what came of it. */
  end(): Promise<AttackReport>;
  /** Whatever it does: it is no more. */
  kill(): void;
}

const MAIN = fileURLToPath(new URL('./attacker-main.js', import.meta.url));

type Said = 'begun' | { readonly error: string } | { readonly report: AttackReport };

export function startAttack(plan: AttackPlan): Attack {
  // Its standard output would be taken for ours. It ends when we do, as then the channel is closed.
  const child = fork(MAIN, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let reported: (report: AttackReport) => void = () => undefined;
  let failed: (cause: Error) => void = () => undefined;
  const begun = new Promise<void>((resolve, reject) => {
    child.on('message', (said: Said) => {
      if (said === 'begun') resolve();
      else if ('error' in said) reject(new Error(said.error));
      else reported(said.report);
    });
    child.once('exit', (code, signal) => {
      const gone = new Error(`the attacker ended with ${signal ?? code ?? 'nothing'}: its error is above`);
      reject(gone);
      failed(gone);
    });
  });
  // Whoever awaits it learns of it; until then nobody does.
  begun.catch(() => undefined);
  child.send(plan);

  const ask = (order: 'report' | 'end'): Promise<AttackReport> =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null) return reject(new Error('the attacker has ended: its error is above'));
      [reported, failed] = [resolve, reject];
      child.send(order);
    });

  return {
    begun,
    pid: child.pid ?? 0,
    report: () => ask('report'),
    async end() {
      const report = await ask('end');
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
      return report;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
