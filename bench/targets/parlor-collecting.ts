import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { run } from '../../api/run.js';

/** Parlor that collects its garbage when it is told to, so that what is left in memory is what it needs. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  // What the first collection has made free may hold other things.
  collect();
  collect();
});
await run();
