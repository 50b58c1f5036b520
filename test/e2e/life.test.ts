import t from 'tap';
import { accepts } from '../support/ports.js';
import { BROKERS } from '../support/matrix.js';
import { runParlor, startParlor, type Env } from '../support/parlor.js';
import { until } from '../support/until.js';
import { oneTo, seqs } from './support/chat.js';
import { answerOn, connectRaw } from './support/raw.js';

const NO_UWS = import.meta.resolve('./support/no-uws.js');

for (const broker of BROKERS) {
  t.test(
    `a node that is told to stop finishes what it took on, with the ${broker.name} broker`,
    async (t) => {
      const parlor = await startParlor(await broker.env());
      const [alice, bob] = [await parlor.join('42', 'user=alice'), await parlor.join('42', 'user=bob')];
      for (const n of oneTo(200)) alice.send({ type: 'post', text: `post ${n}` });
      // 0: its connection was ended before it had been read, so nothing has become of it.
      const answers = oneTo(50).map((n) =>
        parlor.post('42', { text: `rest ${n}` }).then(
          ({ status }) => status,
          () => 0,
        ),
      );
      await Promise.race(answers);
      await bob.count('message', 1);
      const told = performance.now();
      const ended = parlor.end('SIGTERM');
      const closes = await Promise.all([alice.closed, bob.closed]);
      t.same(
        closes.map(({ code }) => code),
        [1012, 1012],
        'come back, to this node or another',
      );
      t.equal(await ended, 0);
      t.ok(performance.now() - told < 10_000, `after ${Math.round(performance.now() - told)} ms`);
      const statuses = await Promise.all(answers);
      t.same(
        statuses.filter((status) => ![201, 202, 503, 0].includes(status)),
        [],
        'no post was given another answer than these',
      );
      t.ok(statuses.includes(201));
      t.same(seqs(bob), oneTo(seqs(bob).length), 'in order, as far as bob was told');
      t.equal(parlor.stderr(), '');
      await until(() => parlor.logs.some(({ msg, code }) => msg === 'stopped' && code === 0), {
        what: 'its last line',
      });
      t.equal(await accepts(parlor.port), false, 'nobody listens any more');
    },
  );
}

t.test('while it drains, a node takes neither connections nor posts, and says why', async (t) => {
  const parlor = await startParlor();
  // A body that never comes to its end keeps it from ending at once.
  const head = 'POST /api/rooms/42/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  const slow = await connectRaw(parlor.port);
  slow.write(`${head}Content-Length: 40\r\n\r\n{"text":`);
  const [poster, prober] = [await connectRaw(parlor.port), await connectRaw(parlor.port)];
  const alice = await parlor.join('42', 'user=alice');
  const ended = parlor.end('SIGTERM');
  t.equal((await alice.closed).code, 1012);
  poster.write(`${head}Content-Length: 19\r\n\r\n{"text":"too late"}`);
  prober.write('GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n');
  for (const raw of [poster, prober]) {
    const answer = await answerOn(raw);
    const headers = { 'retry-after': /^\d+$/, connection: 'close' };
    t.match(answer, { status: 503, headers, body: /"code":"unavailable"/ });
  }
  t.equal(await accepts(parlor.port), false, 'new connections are refused');
  t.equal(await ended, 0, 'and one that never finishes does not keep it from ending');
});

t.test('Ctrl-C stops it like SIGTERM', async (t) => {
  const parlor = await startParlor();
  t.equal(await parlor.end('SIGINT'), 0);
  await until(() => parlor.logs.some(({ msg }) => msg === 'stopped'), { what: 'its last line' });
});

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  t.test(`asked to stop and then ${signal}, it ends at once, whatever it was waiting for`, async (t) => {
    const parlor = await startParlor({ DRAIN_DELAY_MS: '600000' });
    const ended = parlor.end('SIGTERM');
    await until(() => parlor.logs.some(({ msg }) => msg === 'stopping'), { what: 'it to be stopping' });
    t.equal(await parlor.end(signal), 1, 'not everything may have been finished');
    t.equal(await ended, 1);
    t.ok(parlor.logs.some(({ msg }) => /ended at once/.test(msg)));
  });

/** Settings that stop the start, and what the one line says beside the name and the value. */
const WRONG: readonly (readonly [env: Env, says: RegExp])[] = [
  [{ PORT: 'eight' }, /PORT="eight" .*allowed: a whole number from 0 to 65535/],
  [{ PORT: '65536' }, /PORT="65536" .*allowed: a whole number from 0 to 65535/],
  [{ PORT: '80.5' }, /PORT="80.5" .*allowed/],
  [{ BROKER: 'kafka' }, /BROKER="kafka" .*allowed: in-process, rabbitmq/],
  [{ STORE: 'floppy' }, /STORE="floppy" .*allowed: memory, sqlite, postgres/],
  [{ AUTH: 'maybe' }, /AUTH="maybe" .*allowed: off/],
  [{ AMQP_URL: 'localhost:5672' }, /AMQP_URL .*allowed: amqp:\/\//],
  [{ PARTITIONS: '0' }, /PARTITIONS="0" .*allowed: a whole number from 1/],
  [{ GRACE_MS: '-1' }, /GRACE_MS="-1" .*allowed: a whole number from 0/],
  [{ IDLE_MS: '1e12' }, /IDLE_MS="1e12" .*allowed/],
  [{ REPLY_TIMEOUT_MS: 'soon' }, /REPLY_TIMEOUT_MS="soon" .*allowed/],
  [{ SILENCE_S: '7' }, /SILENCE_S="7" .*allowed: a whole number from 8/],
  [{ DRAIN_MS: '1 s' }, /DRAIN_MS="1 s" .*allowed/],
  [{ DRAIN_DELAY_MS: '-1' }, /DRAIN_DELAY_MS="-1" .*allowed: a whole number from 0/],
  [{ MAX_FRAME_BYTES: '2000000' }, /MAX_FRAME_BYTES="2000000" .*allowed/],
  [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL="loud" .*allowed: fatal, error, warn/],
  [{ LOG_FORMAT: 'xml' }, /LOG_FORMAT="xml" .*allowed: auto, json, pretty/],
  [{ ROOM_PRESETS: '{' }, /ROOM_PRESETS.*\{.*allowed: a JSON object/],
  [{ ROOM_PRESETS: '{"a":{"capacity":0}}' }, /ROOM_PRESETS=.*capacity.*allowed/],
  [{ HOST: 'no.such.host.invalid' }, /no\.such\.host\.invalid/],
];

t.test('a wrong setting stops the start with one line that says what is allowed', async (t) => {
  for (const [env, says] of WRONG) {
    const { code, stderr } = await runParlor({ PORT: '0', ...env });
    t.ok(code !== 0 && code !== null, `${JSON.stringify(env)}: exit code ${String(code)}`);
    t.match(stderr, says);
    t.equal(stderr.trimEnd().split('\n').length, 1, `one line: ${stderr.trimEnd()}`);
  }
});

t.test('a port that is taken stops the start with one line', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const { code, stderr } = await runParlor({ PORT: String(parlor.port) });
  t.equal(code, 1);
  t.match(
    stderr,
    new RegExp(`^parlor: cannot listen on 127.0.0.1:${parlor.port}: .*another program.*PORT\n$`),
  );
});

t.test('a machine on which uWebSockets.js cannot load is told in one line what would work', async (t) => {
  const { code, stderr } = await runParlor({ PORT: '0', NODE_OPTIONS: `--import=${NO_UWS}` });
  t.equal(code, 1);
  t.match(stderr, /^parlor: uWebSockets\.js .*use Node 20 .*glibc 2\.\d+.*\n$/);
  t.match(stderr, /GLIBC_2\.38/, 'and what the system said');
  t.equal(stderr.trimEnd().split('\n').length, 1);
});

t.test(
  'without authentication it listens on this machine’s own address only, unless told otherwise',
  async (t) => {
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    const open = await startParlor({ HOST: '0.0.0.0', AUTH_OFF_I_KNOW: '1' });
    t.teardown(() => open.end());
    const there = (port: number) => fetch(`http://127.0.0.2:${port}/health`).then(({ status }) => status);
    await t.rejects(there(parlor.port), { cause: { code: 'ECONNREFUSED' } });
    t.equal(await until(() => there(open.port), { what: 'an answer on another address' }), 200);
    const told = (one: typeof parlor) => String(one.logs.find(({ http }) => http !== undefined)?.msg);
    t.match(told(parlor), /AUTH=off.*127\.0\.0\.1 only/);
    t.match(told(open), /AUTH=off.*anybody/);
  },
);
