import t from 'tap';
import { makeCertificate } from '../support/certificate.js';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { metrics } from './support/metrics.js';
import { answerOn, connectRaw, type Raw } from './support/raw.js';

/** uWebSockets.js closes what is not complete after 8 to 12 s; the rest is for a busy machine. */
const PATIENCE = { timeoutMs: 45_000 };
const CLIENTS = 50;
const POST = 'POST /api/rooms/42/messages HTTP/1.1\r\nHost: parlor\r\nContent-Type: application/json\r\n';

t.setTimeout(120_000);
t.jobs = 2;

/** Sends `first`, and then `more` four times a second until the connection is closed. */
async function trickle(
  port: number,
  first: string | Buffer,
  more: string | Buffer,
): Promise<Raw & { isClosed: () => boolean }> {
  const raw = await connectRaw(port);
  raw.write(first);
  const timer = setInterval(() => raw.write(more), 250);
  let over = false;
  void raw.closed.then(() => {
    over = true;
    clearInterval(timer);
  });
  return { ...raw, isClosed: () => over };
}

const many = (first: string, more: string, port: number) =>
  Promise.all(Array.from({ length: CLIENTS }, () => trickle(port, first, more)));

t.test(
  'requests that never end are ended, with an answer where there can be one, and harm nobody',
  async (t) => {
    const parlor = await startParlor({ MAX_BODY_BYTES: '65536' });
    t.teardown(() => parlor.end());
    const alice = await parlor.join('42', 'user=alice');
    const { port } = parlor;
    const silent = await many('', '', port);
    const heads = await many('GET /health HTTP/1.1\r\nHost: parlor\r\n', 'x-a: b\r\n', port);
    const upgrades = await many(
      'GET /ws/updates/42?user=mallory HTTP/1.1\r\nHost: parlor\r\nUpgrade: websocket\r\n',
      'x-a: b\r\n',
      port,
    );
    const bodies = await many(`${POST}Content-Length: 60000\r\n\r\n{"text":"`, 'x', port);
    const chunks = await many(`${POST}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n', port);
    t.equal((await parlor.post('42', { text: 'Hello' })).status, 201, 'others are served meanwhile');
    await alice.next('message');

    for (const raw of [...bodies, ...chunks]) {
      const answer = await answerOn(raw);
      t.equal(answer?.status, 408);
      t.match(JSON.parse(answer?.body ?? ''), { code: 'request_timeout', detail: /too slowly/ });
    }
    const all = [...silent, ...heads, ...upgrades, ...bodies, ...chunks];
    await until(() => all.every((raw) => raw.isClosed()), { ...PATIENCE, what: 'all to be closed' });
    for (const raw of [...silent, ...heads, ...upgrades])
      t.equal(raw.received().length, 0, 'uWebSockets.js closes these without an answer');
    const value = await metrics(parlor);
    t.equal(value('parlor_refusals_total{code="request_timeout"}'), 2 * CLIENTS, 'refusals are counted');
    t.equal(value('parlor_connections'), 1, 'nobody got in');
    alice.send({ type: 'ping' });
    t.ok(await alice.next('pong'));
  },
);

t.test('a TLS handshake that never ends is ended', async (t) => {
  const tls = makeCertificate();
  t.teardown(() => tls.remove());
  const parlor = await startParlor(tls.env);
  t.teardown(() => parlor.end());
  // A record of a handshake (22), of TLS 1.0 as all clients begin, 512 bytes long: a ClientHello (1).
  const hello = Buffer.from([22, 3, 1, 2, 0, 1, 0]);
  const slow = [await trickle(parlor.port, '', ''), await trickle(parlor.port, hello, Buffer.from([1]))];
  await until(() => slow.every((raw) => raw.isClosed()), { ...PATIENCE, what: 'all to be closed' });
});

t.test('BODY_TIMEOUT_MS bounds the time of a body that comes fast enough, too', async (t) => {
  const parlor = await startParlor({ BODY_TIMEOUT_MS: '500', MAX_BODY_BYTES: '60000000' });
  t.teardown(() => parlor.end());
  const raw = await trickle(parlor.port, `${POST}Content-Length: 50000000\r\n\r\n`, 'x'.repeat(50_000));
  const answer = await answerOn(raw);
  t.equal(answer?.status, 408);
  t.match(JSON.parse(answer?.body ?? ''), { code: 'request_timeout', detail: /longer than 500 ms/ });
});
