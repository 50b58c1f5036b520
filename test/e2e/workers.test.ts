import t from 'tap';
import { openEventStream } from '../support/event-stream.js';
import { runParlor, startParlor, type Env, type LogLine, type Parlor } from '../support/parlor.js';
import { accepts, freePorts } from '../support/ports.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { oneTo, readHistory, seqs } from './support/chat.js';
import { parseMetrics } from './support/metrics.js';

const WORKERS = 3;
/** For processes to start, on a slow machine. */
const PATIENCE = { timeoutMs: 60_000 };

async function clusterEnv(): Promise<Env> {
  const [AMQP_URL, DATABASE_URL] = [await ownVhost(), await ownDatabase()];
  return { BROKER: 'rabbitmq', AMQP_URL, STORE: 'postgres', DATABASE_URL };
}

/** Ports on which nobody listens, one behind the other, and the one before them. */
async function metricsPort(): Promise<number> {
  const found = await until(
    async () => {
      const [first] = (await freePorts(1)) as [number];
      const taken = await Promise.all(oneTo(WORKERS).map((n) => accepts(first + n)));
      return taken.includes(true) ? null : first;
    },
    { what: 'free ports' },
  );
  return found ?? 0;
}

function logged({ logs }: Parlor, msg: string, worker?: number): LogLine[] {
  return logs.filter((line) => line.msg === msg && (worker === undefined || line['worker'] === worker));
}

/** The process that is this worker now. */
function pidOf(parlor: Parlor, worker: number): number {
  return Number(logged(parlor, 'worker: started', worker).at(-1)?.['worker_pid']);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // There is no such process.
  }
}

t.test('several workers on one port', async (t) => {
  const METRICS_PORT = await metricsPort();
  const env = { ...(await clusterEnv()), METRICS_PORT: String(METRICS_PORT), GRACE_MS: '20000' };
  const parlor = await startParlor({ ...env, WORKERS: String(WORKERS) });
  t.teardown(() => parlor.end('SIGKILL'));
  const metricsOf = async (worker: number): Promise<(series: string) => number> => {
    const answer = await fetch(`http://127.0.0.1:${METRICS_PORT + worker}/metrics`);
    return parseMetrics(await answer.text());
  };
  await parlor.send('PUT', '/api/rooms/group:all', { capacity: null, post: 'anyone' });

  t.test('share what comes, and are one chat', async (t) => {
    const clients = await Promise.all(oneTo(40).map((n) => parlor.join('group:all', `user=user-${n}`)));
    for (const client of clients) client.send({ type: 'post', text: 'Hello all' });
    for (const client of clients) await client.count('message', clients.length);
    t.ok(
      // The first seq is that of `room_opened`.
      clients.every((client) => seqs(client).every((seq, i) => seq === i + 2)),
      'in one order for all',
    );
    const counts = await Promise.all(
      oneTo(WORKERS).map(async (n) => (await metricsOf(n))(`parlor_connections{worker="${n}"}`)),
    );
    t.equal(
      counts.reduce((sum, count) => sum + count),
      clients.length,
    );
    t.ok(counts.filter((count) => count > 0).length > 1, `connections of each worker: ${counts.join(', ')}`);
    await Promise.all(clients.map((client) => client.close()));
    // Many lines at once into one output: one that is torn would not be JSON.
    await Promise.all(oneTo(600).map(async (n) => (await parlor.get(`/api/rooms/none-${n}`)).text()));
    const workers = new Set(logged(parlor, 'request').map((line) => line['worker']));
    t.ok(workers.size > 1, `workers that answered: ${[...workers].join(', ')}`);
  });

  t.test('give streams of events and long polls, too', async (t) => {
    const room = 'channel:streams';
    const streams = oneTo(12).map((n) =>
      openEventStream(`${parlor.http}/api/rooms/${room}/stream?user=s${n}`),
    );
    for (const stream of streams) await stream.count('welcome', 1);
    const polls = oneTo(12).map(() =>
      fetch(`${parlor.http}/api/events?room_id=${room}&after=0&wait=30000`, {
        headers: { connection: 'close' },
      }),
    );
    const waiting = async (): Promise<number> => {
      const all = await Promise.all(
        oneTo(WORKERS).map(async (n) => (await metricsOf(n))(`parlor_long_polls{worker="${n}"}`)),
      );
      return all.reduce((sum, count) => sum + count);
    };
    await until(async () => (await waiting()) === polls.length, { what: 'all to wait' });
    t.equal((await parlor.post(room, { text: 'Hello streams' })).status, 201);
    for (const stream of streams) t.match(await stream.count('message', 1), [{ seq: 1 }]);
    for (const poll of await Promise.all(polls)) t.match(await poll.json(), { events: [{ seq: 1 }] });
    await Promise.all(streams.map((stream) => stream.cut()));
  });

  t.test('one is killed: the others answer, and it is started again', async (t) => {
    const pid = pidOf(parlor, 2);
    const now = { over: false };
    const statuses: number[] = [];
    const load = (async () => {
      while (!now.over) {
        // 0: it had the connection.
        statuses.push(
          await parlor
            .post('group:all', { text: 'on and on' }, { connection: 'close' })
            .then(({ status }) => status)
            .catch(() => 0),
        );
      }
    })();
    await until(() => statuses.length > 5, { what: 'posts' });
    process.kill(pid, 'SIGKILL');
    const at = statuses.length;
    await until(() => logged(parlor, 'worker: listening', 2).length > 1, {
      ...PATIENCE,
      what: 'the worker to be there again',
    });
    await until(() => statuses.slice(at).filter((status) => status === 201).length > 20, {
      ...PATIENCE,
      what: 'posts to be answered',
    });
    now.over = true;
    await load;
    t.same(
      [...new Set(statuses)].filter((status) => ![201, 202, 503, 0].includes(status)),
      [],
      'no other answers',
    );
    t.ok(statuses.filter((status) => status === 0).length <= 5, 'the port goes on answering');
    t.match(logged(parlor, 'worker: died, and will be restarted'), [{ worker: 2, signal: 'SIGKILL' }]);
    const history = await readHistory(parlor, 'group:all');
    t.ok(history.length >= 40 + statuses.filter((status) => status === 201).length, 'nothing is lost');
    const metrics = await until(() => metricsOf(2).catch(() => null), { what: 'its metrics' });
    t.equal(metrics?.('parlor_worker_restarts_total{worker="2"}'), 1);
    t.equal((await metricsOf(1))('parlor_worker_restarts_total{worker="1"}'), 0);
  });

  t.test('one that dies again and again is tried less and less often', async (t) => {
    const DIED = 'worker: died, and will be restarted';
    for (let times = logged(parlor, DIED, 3).length; times < 3; times++) {
      const pid = await until(() => (isAlive(pidOf(parlor, 3)) ? pidOf(parlor, 3) : null), {
        what: 'a new process',
      });
      process.kill(pid ?? 0, 'SIGKILL');
      await until(() => logged(parlor, DIED, 3).length > times, { what: 'its death to be noticed' });
    }
    const pauses = logged(parlor, DIED, 3).map((line) => Number(line['pause_ms']));
    t.ok(
      pauses.slice(-2).every((ms, i) => i === 0 || ms === 2 * (pauses.at(-2) ?? 0)),
      `pauses: ${pauses.join(', ')} ms`,
    );
    t.ok((pauses.at(-1) ?? 0) >= 200);
    await until(() => isAlive(pidOf(parlor, 3)) && accepts(METRICS_PORT + 3), {
      ...PATIENCE,
      what: 'it to be there again',
    });
  });

  t.test('one that is told to stop drains, and is started again', async (t) => {
    const pid = pidOf(parlor, 1);
    const died = logged(parlor, 'worker: died, and will be restarted').length;
    const before = logged(parlor, 'worker: listening', 1).length;
    process.kill(pid, 'SIGTERM');
    await until(() => logged(parlor, 'worker: listening', 1).length > before, {
      ...PATIENCE,
      what: 'another process in its place',
    });
    t.match(logged(parlor, 'stopped', 1), [{ code: 0 }]);
    t.equal(isAlive(pid), false);
    t.equal(logged(parlor, 'worker: died, and will be restarted').length, died, 'that is no death');
  });

  t.test('told to stop, they drain one after another, and all end with code 0', async (t) => {
    const alice = await parlor.join('group:all', 'user=alice');
    const pids = oneTo(WORKERS).map((n) => pidOf(parlor, n));
    const from = parlor.logs.length;
    const began = performance.now();
    t.equal(await parlor.end('SIGTERM'), 0);
    const ms = performance.now() - began;
    t.match(await alice.closed, { code: 1012 });
    t.match(alice.frames.at(-1), { type: 'error', retry_after_ms: Number });
    // DRAIN_MS, STOP_MARGIN_MS and a second, whatever the number of workers; and what a busy machine takes.
    t.ok(ms < 20_000, `in ${Math.round(ms)} ms`);
    t.same(pids.filter(isAlive), []);
    t.equal(await accepts(parlor.port), false);
    const life = parlor.logs
      .slice(from)
      .filter(({ worker, msg }) => worker !== undefined && ['stopping', 'stopped'].includes(msg))
      .map(({ worker, msg }) => `${String(worker)} ${msg}`);
    const order = life.filter((line) => line.endsWith('stopping')).map((line) => line.split(' ')[0]);
    t.same(order.slice().sort(), ['1', '2', '3']);
    t.same(
      life,
      order.flatMap((n) => [`${n} stopping`, `${n} stopped`]),
    );
    t.equal(parlor.stderr(), '');
  });
});

t.test('the parent is killed: its workers drain and end by themselves', async (t) => {
  const parlor = await startParlor({ ...(await clusterEnv()), WORKERS: '2' });
  const pids = oneTo(2).map((n) => pidOf(parlor, n));
  const alice = await parlor.join('42', 'user=alice');
  // It resolves when the last one has closed the output that they share.
  await parlor.end('SIGKILL');
  t.match(await alice.closed, { code: 1012 });
  await until(() => !pids.some(isAlive), { ...PATIENCE, what: 'the workers to end' });
  t.equal(await accepts(parlor.port), false);
  t.same(
    logged(parlor, 'stopped').map(({ code }) => code),
    [0, 0],
  );
});

t.test('asked twice, they all end at once', async (t) => {
  const parlor = await startParlor({ ...(await clusterEnv()), WORKERS: '2', DRAIN_DELAY_MS: '600000' });
  const pids = oneTo(2).map((n) => pidOf(parlor, n));
  const ended = parlor.end('SIGTERM');
  await until(() => logged(parlor, 'stopping').length > 0, { what: 'it to be stopping' });
  const ready = () => parlor.get('/health/ready').then(({ status }) => status);
  await until(async () => (await ready()) === 503 && (await ready()) === 503, { what: 'none to be ready' });
  t.equal((await parlor.get('/health')).status, 200);
  await parlor.end('SIGINT');
  t.equal(await ended, 1);
  await until(() => !pids.some(isAlive), { what: 'the workers to be gone' });
});

t.test('what keeps workers from starting is said in one line', async (t) => {
  const env = await clusterEnv();
  const taken = await startParlor();
  t.teardown(() => taken.end());
  const cases: readonly (readonly [env: Env, args: readonly string[], code: number, says: RegExp])[] = [
    [{ WORKERS: '2' }, [], 2, /set BROKER=rabbitmq \(now in-process\) and STORE=postgres \(now memory\)/],
    [{}, ['--workers', '2'], 2, /^parlor: WORKERS=2 /],
    [{}, ['--workers', 'two'], 2, /WORKERS="two" .*a whole number from 1 to 256/],
    [{ ...env, WORKERS: '2', PORT: String(taken.port) }, [], 1, /another program listens there.*PORT/],
    [{ ...env, WORKERS: '2', DATABASE_URL: 'postgres://127.0.0.1:9/x' }, [], 1, /127\.0\.0\.1:9/],
  ];
  for (const [more, args, code, says] of cases) {
    const run = await runParlor({ PORT: '0', LOG_LEVEL: 'silent', ...more }, ...args);
    t.equal(run.code, code, run.stderr);
    t.match(run.stderr, says);
    t.equal(run.stderr.trimEnd().split('\n').length, 1, run.stderr);
  }
});
