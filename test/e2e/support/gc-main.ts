import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { run } from '../../../api/run.js';

/** The program with a collector at hand: SIGUSR2 collects the garbage, and logs what is left. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ level: 30, msg: 'collected', rss, heapUsed })}\n`);
});
await run();
