import { join } from 'node:path';
import t from 'tap';
import { startParlor, type Env, type LogLine, type Parlor } from '../support/parlor.js';
import { accepts } from '../support/ports.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { readHistory } from './support/chat.js';

t.setTimeout(120_000);

const FAULTY = new URL('./support/uncaught-main.js', import.meta.url);

/** An environment in which SIGUSR2 causes an error that nobody catches. */
const faulty = (FAULT: string): Env => ({ NODE_OPTIONS: `--import=${FAULTY.href}`, FAULT });

const fatal = ({ logs }: Parlor): LogLine[] => logs.filter(({ level }) => level === 60);

for (const fault of ['throw', 'reject', 'text', 'event'])
  t.test(`an error that nobody has caught ends the process, and nothing is lost: ${fault}`, async (t) => {
    const env = { STORE: 'sqlite', SQLITE_PATH: join(t.testdir(), 'parlor.db') };
    const parlor = await startParlor({ ...env, ...faulty(fault) });
    const alice = await parlor.join('42', 'user=alice');
    alice.send({ type: 'post', text: 'before it' });
    await alice.next('ack');
    t.equal(await parlor.end('SIGUSR2'), 1);
    t.match((await alice.closed).code, 1006, 'without a goodbye');
    t.match(fatal(parlor), [{ msg: /nobody has caught/, cause: 'a fault of a test' }]);
    t.equal(fatal(parlor).length, 1);
    if (fault !== 'text') t.match(fatal(parlor)[0]?.['stack'], /uncaught-main/);
    t.equal(parlor.logs.at(-1)?.level, 60, 'that is its last line');
    t.equal(parlor.stderr(), '');
    t.equal(await accepts(parlor.port), false);

    const next = await startParlor(env);
    t.teardown(() => next.end());
    t.match(await readHistory(next, '42'), [{ seq: 1, text: 'before it' }]);
  });

t.test('also while it drains', async (t) => {
  const parlor = await startParlor({ ...faulty('throw'), DRAIN_DELAY_MS: '600000' });
  process.kill(parlor.pid, 'SIGTERM');
  await until(() => parlor.logs.some(({ msg }) => msg === 'stopping'), { what: 'it to be stopping' });
  t.equal(await parlor.end('SIGUSR2'), 1);
  t.equal(fatal(parlor).length, 1);
});

/** Two workers, which write into one log. */
async function startTwo(): Promise<Parlor> {
  const [AMQP_URL, DATABASE_URL] = [await ownVhost(), await ownDatabase()];
  const shared = { BROKER: 'rabbitmq', AMQP_URL, STORE: 'postgres', DATABASE_URL };
  return startParlor({ ...shared, ...faulty('reject'), WORKERS: '2' });
}

const linesOf = ({ logs }: Parlor, msg: string, worker: number): LogLine[] =>
  logs.filter((line) => line.msg === msg && line['worker'] === worker);

t.test('of a worker: only that one ends, and it is started again', async (t) => {
  const parlor = await startTwo();
  t.teardown(() => parlor.end());
  const pid = Number(linesOf(parlor, 'worker: started', 2).at(-1)?.['worker_pid']);
  process.kill(pid, 'SIGUSR2');
  await until(() => linesOf(parlor, 'worker: listening', 2).length === 2, {
    timeoutMs: 60_000,
    what: 'another process in its place',
  });
  t.match(fatal(parlor), [{ worker: 2, cause: 'a fault of a test' }]);
  t.match(linesOf(parlor, 'worker: died, and will be restarted', 2), [{ code: 1, signal: null }]);
  t.equal(linesOf(parlor, 'worker: started', 1).length, 1);
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'nothing is left of it');
});

t.test('of the process that started the workers: they drain, and all end', async (t) => {
  const parlor = await startTwo();
  const alice = await parlor.join('42', 'user=alice');
  const pids = [1, 2].map((n) => Number(linesOf(parlor, 'worker: started', n).at(-1)?.['worker_pid']));
  t.equal(await parlor.end('SIGUSR2'), 1);
  t.match(await alice.closed, { code: 1012 });
  t.match(fatal(parlor), [{ cause: 'a fault of a test', worker: undefined }]);
  await until(() => pids.every((pid) => !isAlive(pid)), { timeoutMs: 60_000, what: 'the workers to end' });
  t.equal(await accepts(parlor.port), false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // There is no such process.
  }
}
