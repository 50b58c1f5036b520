import { once } from 'node:events';
import { request } from 'node:https';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { makeCertificate, type TestCertificate } from '../support/certificate.js';
import { openClient, runParlor, startParlor, type Client, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { exchange } from './support/raw.js';

const CHANGED = 'TLS: new connections get the new certificate';
const KEPT = 'TLS: the certificate in use stays';

async function start(t: Test): Promise<{ parlor: Parlor; tls: TestCertificate }> {
  const tls = makeCertificate();
  t.teardown(() => tls.remove());
  const parlor = await startParlor(tls.env);
  t.teardown(() => parlor.end());
  return { parlor, tls };
}

/** A WebSocket of a client that trusts this certificate only. */
async function join(port: number, user: string, ca: string): Promise<Client> {
  const client = openClient(`wss://127.0.0.1:${port}/ws/updates/channel:tls?user=${user}`, { ca });
  await client.next('welcome');
  return client;
}

async function post(port: number, text: string, ca: string): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const path = '/api/rooms/channel:tls/messages';
  const sent = request({ host: '127.0.0.1', port, path, ca, method: 'POST', headers, agent: false });
  sent.end(JSON.stringify({ text }));
  const [answer] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }];
  answer.resume();
  return answer.statusCode;
}

/** The fingerprint of the certificate that a new connection is shown; rejects if it is not accepted. */
async function shown(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const logged = (parlor: Parlor, msg: string) => parlor.logs.filter((line) => line.msg === msg);

async function hangUp(parlor: Parlor, msg: string): Promise<void> {
  const before = logged(parlor, msg).length;
  process.kill(parlor.pid, 'SIGHUP');
  await until(() => logged(parlor, msg).length > before, { what: `the line “${msg}”` });
}

t.test('with TLS_CERT and TLS_KEY the server speaks https and wss, and nothing else', async (t) => {
  const { parlor, tls } = await start(t);
  t.match(
    parlor.logs.find(({ msg }) => msg.startsWith('listening')),
    {
      http: `https://127.0.0.1:${parlor.port}`,
      ws: `wss://127.0.0.1:${parlor.port}/ws/updates/{room_id}`,
    },
  );
  const alice = await join(parlor.port, 'alice', tls.pem());
  const bob = await join(parlor.port, 'bob', tls.pem());
  t.equal(await post(parlor.port, 'over https', tls.pem()), 201);
  alice.send({ type: 'post', text: 'over wss' });
  for (const one of [alice, bob])
    t.same(
      (await one.count('message', 2)).map(({ text }) => text),
      ['over https', 'over wss'],
    );
  const plain = await exchange(parlor.port, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.equal(plain, null, 'a request without TLS gets no answer');
  await alice.close();
  await until(() => logged(parlor, 'connection').length > 0, { what: 'the line of the connection' });
  t.match(logged(parlor, 'connection'), [{ user: 'alice', ip: '127.0.0.1' }]);
});

t.test('SIGHUP changes the certificate, and nobody who is connected notices', async (t) => {
  const { parlor, tls } = await start(t);
  const alice = await join(parlor.port, 'alice', tls.pem());
  const members = [alice];
  for (const n of [1, 2, 3]) {
    const before = tls.fingerprint();
    tls.renew();
    t.equal(await shown(parlor.port), before, 'before the signal the old one is in use');
    await hangUp(parlor, CHANGED);
    t.equal(await shown(parlor.port), tls.fingerprint(), 'and the new one after it');
    members.push(await join(parlor.port, `user-${n}`, tls.pem()));
    const joined = n - 1;
    await until(() => alice.of('joined').some(({ user }) => user === `user-${n}`), { what: 'news' });
    for (const one of members) one.send({ type: 'post', text: `after ${joined}` });
  }
  const posts = 2 + 3 + 4;
  for (const one of members)
    await until(() => one.of('message').at(-1)?.['seq'] === posts, {
      what: 'everybody to get what each of them says',
    });
  t.same(
    alice.of('message').map(({ seq }) => seq),
    Array.from({ length: posts }, (_, i) => i + 1),
    'in order, once',
  );
  await hangUp(parlor, 'TLS: the files have not changed');
});

t.test(
  'a new certificate that cannot be used leaves the old one in use, and is one line in the log',
  async (t) => {
    const { parlor, tls } = await start(t);
    const good = { fingerprint: tls.fingerprint(), pem: tls.pem() };
    const alice = await join(parlor.port, 'alice', good.pem);
    const other = makeCertificate();
    t.teardown(() => other.remove());
    for (const [spoil, cause] of [
      [() => tls.spoil('TLS_CERT', 'garbage'), /^TLS_CERT=".*" is no certificate in PEM$/],
      [
        () => tls.spoil('TLS_CERT', other.pem()),
        /^TLS_KEY=".*" is not the key of the certificate in TLS_CERT/,
      ],
      [() => tls.spoil('TLS_KEY', ''), /^TLS_KEY=".*" is no private key in PEM without a passphrase$/],
    ] as const) {
      spoil();
      await hangUp(parlor, KEPT);
      t.match(logged(parlor, KEPT).at(-1), { level: 50, cause });
      t.equal(await shown(parlor.port), good.fingerprint);
    }
    t.equal(logged(parlor, KEPT).length, 3);
    await join(parlor.port, 'bob', good.pem);
    await alice.count('joined', 1);
    tls.renew();
    await hangUp(parlor, CHANGED);
    t.equal(await shown(parlor.port), tls.fingerprint(), 'and a good one is taken after that');
  },
);

t.test(
  'whoever connects while the certificate changes is let in, at the second attempt at the latest',
  async (t) => {
    const { parlor, tls } = await start(t);
    let running = true;
    let connected = 0;
    let again = 0;
    const failures: unknown[] = [];
    const crowd = Array.from({ length: 4 }, async () => {
      while (running) {
        try {
          // The system resets a connection that is not accepted yet when its listener is replaced.
          await shown(parlor.port).catch(() => (again++, shown(parlor.port)));
          connected++;
        } catch (cause) {
          failures.push(cause);
        }
      }
    });
    for (let changes = 0; changes < 10; changes++) {
      const before = connected;
      tls.renew();
      await hangUp(parlor, CHANGED);
      await until(() => connected > before + 20, { what: 'others to connect' });
    }
    running = false;
    await Promise.all(crowd);
    t.comment(`${connected} connected during 10 changes, ${again} of them at the second attempt`);
    t.same(failures, []);
  },
);

t.test('files that cannot be used stop the start with one line that names the setting', async (t) => {
  const tls = makeCertificate();
  const other = makeCertificate();
  t.teardown(() => {
    tls.remove();
    other.remove();
  });
  const { TLS_CERT, TLS_KEY } = tls.env;
  for (const [env, line, code] of [
    [{ TLS_CERT }, /^parlor: TLS needs both files: set TLS_KEY, too, or neither\n$/, 2],
    [{ TLS_KEY }, /^parlor: TLS needs both files: set TLS_CERT, too, or neither\n$/, 2],
    [
      { TLS_CERT: '/nowhere.pem', TLS_KEY },
      /^parlor: TLS_CERT="\/nowhere.pem" cannot be read \(ENOENT\)\n$/,
      1,
    ],
    [
      { TLS_CERT, TLS_KEY: '/nowhere.pem' },
      /^parlor: TLS_KEY="\/nowhere.pem" cannot be read \(ENOENT\)\n$/,
      1,
    ],
    [{ TLS_CERT: TLS_KEY, TLS_KEY }, /^parlor: TLS_CERT=".*" is no certificate in PEM\n$/, 1],
    [
      { TLS_CERT, TLS_KEY: TLS_CERT },
      /^parlor: TLS_KEY=".*" is no private key in PEM without a passphrase\n$/,
      1,
    ],
    [
      { TLS_CERT, TLS_KEY: other.env.TLS_KEY },
      /^parlor: TLS_KEY=".*" is not the key of the certificate in TLS_CERT=".*"\n$/,
      1,
    ],
  ] as const) {
    const ended = await runParlor({ PORT: '0', LOG_FORMAT: 'json', ...env });
    t.match(ended.stderr, line);
    t.equal(ended.code, code);
  }
});
