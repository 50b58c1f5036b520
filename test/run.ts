/**
 * Runs the compiled test files and prints `N passed, N failed` as the last line: `node dist/test/run.js`.
 *
 * ONLY=<part of a path>[,…] runs the files whose path has one of the parts in it.
 *
 * The files are tap tests, and each is run as what it is, a program that prints TAP. tap's own runner is not used: in
 * 21.8 one file's timeout takes another file's result out of the report, and it puts a TypeScript loader before every
 * file. Which files run at the same time says `schedule.ts`.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { schedule, type Lane } from './schedule.js';
import { ensureChromium } from './support/chromium.js';
import { ensureProxy, HAPROXY, NGINX } from './support/proxy-server.js';
import { providePostgres } from './support/postgres.js';
import { ensurePython } from './support/python.js';
import { provideRabbit, type ProvidedRabbit } from './support/rabbitmq.js';
import { runTapFile, type TapFileResult } from './support/tap-file.js';

const TESTS = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(TESTS, '..', '..');
const LOGS = join(ROOT, 'dist', 'test-results');
const TIMEOUT_MS = 120_000;
/** `RUNS=20` has the files that kill nodes do it so often. */
const E2E_TIMEOUT_MS = 300_000 * Math.max(1, Number(process.env.RUNS ?? 1));

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  /** What was said of the files that failed. It is said again at the end: a long log may be cut in its middle. */
  failures: string[];
}

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    say(`Stopping: ${signal}`);
    stopping.abort(new Error(signal));
  });
}
process.exitCode = await main();

async function main(): Promise<number> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
  try {
    await runAll(totals);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    totals.failed += 1;
  }
  totals.failures.forEach(say);
  if (totals.skipped > 0) say(`${totals.skipped} skipped`);
  say(`${totals.passed} passed, ${totals.failed} failed`);
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}

async function runAll(totals: Totals): Promise<void> {
  const files = testFiles(process.env.ONLY);
  if (files.length === 0)
    throw new Error(`No test file${process.env.ONLY ? ` matches ${process.env.ONLY}` : ''}`);
  const rabbit = await provideRabbit();
  say(`RabbitMQ: ${rabbit.kind}`);
  const postgres = await providePostgres().catch(async (error: unknown) => {
    await rabbit.stop();
    throw error;
  });
  say(`PostgreSQL: ${postgres.kind}`);
  try {
    const env = { ...environment(rabbit), ...postgres.env, ...programs() };
    const run = async (file: string): Promise<void> => {
      const log = join(LOGS, file.replace(/\.test\.js$/, ''));
      const timeoutMs = file.startsWith('e2e/') ? E2E_TIMEOUT_MS : TIMEOUT_MS;
      const result = await runTapFile(join(TESTS, file), { timeoutMs, log, env, signal: stopping.signal });
      const lines = report(file, result, `${relative(ROOT, log)}.tap`);
      say(lines);
      if (result.failed > 0) totals.failures.push(lines);
      totals.passed += result.passed;
      totals.failed += result.failed;
      totals.skipped += result.skipped;
    };
    // Files that share somebody else's broker could meet in its queues.
    const phases = rabbit.kind === 'given' ? [[[files]]] : schedule(files);
    for (const lanes of phases) await Promise.all(lanes.map((queues) => runLane(queues, run)));
  } finally {
    await Promise.all([rabbit.stop(), postgres.stop()]);
  }
  stopping.signal.throwIfAborted();
}

/** The paths of the compiled test files below TESTS, in order. */
function testFiles(only: string | undefined): string[] {
  const parts = (only ?? '').split(',').filter((part) => part !== '');
  return readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.js'))
    .filter((path) => parts.length === 0 || parts.some((part) => `test/${path}`.includes(part)))
    .sort();
}

function environment(rabbit: ProvidedRabbit): Record<string, string> {
  const ctl = rabbit.ctl === undefined ? {} : { PARLOR_TEST_RABBITMQCTL: rabbit.ctl };
  return { PARLOR_TEST_AMQP_URL: rabbit.url, ...ctl };
}

/** Looked up once, before the tests: an installation takes longer than a test may. */
function programs(): Record<string, string> {
  return Object.assign(
    located('CHROMIUM_PATH', ensureChromium),
    located('PYTHON', ensurePython),
    ...[HAPROXY, NGINX].map((proxy) => located(proxy.variable, () => ensureProxy(proxy))),
  ) as Record<string, string>;
}

function located(name: string, find: () => string): Record<string, string> {
  try {
    return { [name]: find() };
  } catch (error) {
    say((error as Error).message); // The test that needs it fails with the same text.
    return {};
  }
}

async function runLane(queues: Lane, run: (file: string) => Promise<void>): Promise<void> {
  const next = (): string | undefined => queues.find((queue) => queue.length > 0)?.shift();
  for (let file = next(); file !== undefined && !stopping.signal.aborted; file = next()) await run(file);
}

function report(file: string, result: TapFileResult, log: string): string {
  const { passed, failed, failures, comments, stderr } = result;
  const name = `test/${file.replace(/\.js$/, '.ts')}`;
  const seconds = (result.ms / 1000).toFixed(1);
  const head =
    failed === 0
      ? `ok    ${name}  ${passed} in ${seconds} s`
      : `FAIL  ${name}  ${failed} of ${passed + failed} in ${seconds} s, all of it in ${log}`;
  const lines = [head, ...comments.map((comment) => `      ${comment}`)];
  if (failed === 0) return lines.join('\n');
  for (const { path, detail } of failures) {
    if (path.length > 0) lines.push(`      ${path.join(' › ')}`);
    if (detail !== '') lines.push(detail.replaceAll(/^/gm, '        '));
  }
  if (stderr !== '') lines.push(stderr.replaceAll(/^/gm, '      | '));
  return lines.join('\n');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
