import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';

const RUN = new URL('../../api/transfer/run.js', import.meta.url).href;

/**
 * Exports from a store that never starts. Says on standard output when it runs and when it got `first`. Ends with
 * its standard input, so that it does not outlive the test.
 */
const stuck = (first: NodeJS.Signals): string => `
  import { runTransfer } from ${JSON.stringify(RUN)};
  const store = { start: () => new Promise(() => undefined) };
  process.stdin.on('end', () => process.exit()).resume();
  void runTransfer({ command: 'export', rooms: 'all' }, store);
  process.once('${first}', () => process.stdout.write('signalled'));
  process.stdout.write('running');
`;

const PAIRS = [
  ['SIGINT', 'SIGINT'],
  ['SIGINT', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
  ['SIGTERM', 'SIGTERM'],
] as const;

for (const [first, second] of PAIRS)
  t.test(`a transfer that hangs after ${first} is ended by ${second}`, async (t) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', stuck(first)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill(first);
    await once(child.stdout, 'data');
    child.kill(second);
    t.same(await exit, [null, second]);
  });
