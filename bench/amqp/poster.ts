import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AmqpPlan, AmqpResult, FromAmqpPoster } from './plan.js';

const PROGRAM = fileURLToPath(new URL('./poster-main.js', import.meta.url));

/** Posts over RabbitMQ from a process of its own. The hooks are called at the edges of the measured window. */
export function runAmqpPosts(plan: AmqpPlan, hooks: { begun(): void; ended(): void }): Promise<AmqpResult> {
  const child = fork(PROGRAM, [JSON.stringify(plan)], { execArgv: [] });
  const kill = (): void => void child.kill('SIGKILL');
  // Whatever ends the benchmark ends its generators.
  process.once('exit', kill);
  return new Promise<AmqpResult>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the poster ended with ${code}: its error is above`)));
    child.on('message', (message) => {
      const said = message as FromAmqpPoster;
      if (said.says === 'begun') return hooks.begun();
      hooks.ended();
      resolve(said.result);
    });
  }).finally(() => {
    process.off('exit', kill);
    kill();
  });
}
