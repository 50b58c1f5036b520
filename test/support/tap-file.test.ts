import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runTapFile, type TapFileResult } from './tap-file.js';
import { until } from './until.js';

const FINE = `console.log('TAP version 14\\n1..1\\nok 1 - fine');`;

async function ran(t: Test, source: string, timeoutMs = 30_000): Promise<TapFileResult & { log: string }> {
  const folder = t.testdir();
  const file = join(folder, 'file.mjs');
  const log = join(folder, 'logs', 'file');
  writeFileSync(file, source);
  const { signal } = new AbortController();
  return { ...(await runTapFile(file, { timeoutMs, log, env: { GREETING: 'hello' }, signal })), log };
}

t.test('a file that passes', async (t) => {
  const result = await ran(t, `${FINE} console.error(process.env.GREETING)`);
  t.match(result, { passed: 1, failed: 0, stderr: 'hello' });
});

t.test('a file that crashes before its first test fails, with what it said', async (t) => {
  const result = await ran(t, `throw new Error('boom')`);
  t.match(result, { passed: 0, failed: 1, stderr: /boom/ });
});

t.test('a file whose tests passed fails all the same when it ends badly', async (t) => {
  const exited = await ran(t, `${FINE} process.exitCode = 3`);
  t.match(exited, {
    failed: 1,
    failures: [{ detail: 'it ended with exit code 3' }],
  });
  const killed = await ran(t, `${FINE} process.kill(process.pid, 'SIGKILL')`);
  t.match(killed, { failed: 1, failures: [{ detail: 'it was ended by SIGKILL' }] });
});

t.test('a test that hangs fails, by name', async (t) => {
  const source = `import t from 'tap'; t.test('sleeper', () => new Promise(() => setInterval(() => {}, 1000)));`;
  t.match(await ran(t, source, 1000), {
    passed: 0,
    failed: 1,
    failures: [{ path: ['sleeper', 'timeout!'] }],
  });
});

t.test('what a file started and left behind is ended', async (t) => {
  const source = `
    import { spawn } from 'node:child_process';
    console.log('# ' + spawn('sleep', ['1000'], { stdio: 'ignore' }).pid);
    ${FINE} process.exit();`;
  const result = await ran(t, source);
  t.match(result, { passed: 1, failed: 0 });
  const pid = Number(/^# (\d+)$/m.exec(readFileSync(`${result.log}.tap`, 'utf8'))?.[1]);
  await until(() => !isAlive(pid), { what: 'the sleeping process to be gone' });
});

/** A zombie is as dead as it gets without its parent's help. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
