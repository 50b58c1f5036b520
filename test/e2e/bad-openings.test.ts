import { spawn } from 'node:child_process';
import t from 'tap';
import { until } from '../support/until.js';
import { attempt, problemOf } from './support/chat.js';
import { untilMetric } from './support/metrics.js';
import { answerOn, connectRaw, exchange, frameBytes, openRaw } from './support/raw.js';
import { ATTACKED, besiege } from './support/witnesses.js';

const HERE = `/ws/updates/${ATTACKED}`;
/** A token as a stranger might send it: shaped like a JWT, and rubbish. */
const junk = (length: number): string => `eyJhbGciOiJub25lIn0.${'A'.repeat(length)}.sig-_nature`;

/** The head of a request from its lines. */
const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

/** WebSockets that are accepted, told what is wrong, and closed. */
const OPENINGS: readonly (readonly [path: string, code: string, close: number])[] = [
  ['/ws/updates/', 'bad_request', 4400],
  [`/ws/updates/${'r'.repeat(65)}`, 'bad_request', 4400],
  ['/ws/updates/a/b', 'bad_request', 4400],
  ['/ws/updates/a%2Fb', 'bad_request', 4400],
  ['/ws/updates/a%20b', 'bad_request', 4400],
  ['/ws/updates/a%00b', 'bad_request', 4400],
  ['/ws/updates/%zz', 'bad_request', 4400],
  ['/ws/updates/%E0%A4%A', 'bad_request', 4400],
  ['/ws/updates/caf%C3%A9', 'bad_request', 4400],
  ['/ws/updates/..%2F..%2Fmetrics', 'bad_request', 4400],
  ['/ws/elsewhere/42', 'not_found', 4404],
  ['/ws/elsewhere', 'not_found', 4404],
  ['/ws?user=mallory&since=3', 'bad_request', 4400],
  ['/ws/?user=', 'bad_request', 4400],
  ['/ws?user=mallory&resume=AAAAAAAAAAAAAAAAAAAAAA', 'bad_request', 4400],
  [`${HERE}?user=m&token=%ff`, 'bad_request', 4400],
  [`${HERE}?user=`, 'bad_request', 4400],
  [`${HERE}?user=${'u'.repeat(65)}`, 'bad_request', 4400],
  [`${HERE}?user=a%00b`, 'bad_request', 4400],
  [`${HERE}?user=a%0Ab`, 'bad_request', 4400],
  [`${HERE}?user=%20alice`, 'bad_request', 4400],
  [`${HERE}?user=mallory&since=-1`, 'bad_request', 4400],
  [`${HERE}?user=mallory&since=1.5`, 'bad_request', 4400],
  [`${HERE}?user=mallory&since=1e3`, 'bad_request', 4400],
  [`${HERE}?user=mallory&since=`, 'bad_request', 4400],
  [`${HERE}?user=mallory&since=9999999999999999`, 'bad_request', 4400],
  ['/ws/updates/shut?user=mallory', 'room_closed', 4410],
  ['/ws/updates/calm?user=mallory', 'room_full', 4409],
];

t.test('a WebSocket that asks for what cannot be is told why and closed', async (t) => {
  const { parlor, ...besieged } = await besiege(t);
  await parlor.send('PUT', '/api/rooms/shut', {});
  await parlor.send('DELETE', '/api/rooms/shut');
  for (const [path, code, close] of OPENINGS) {
    const mallory = await openRaw(parlor.port, path);
    t.equal(await mallory.ended(), close, `${path.slice(0, 60)}: ${close}`);
    const told = mallory.frames().map(({ payload }) => payload.toString());
    t.match(JSON.parse(told[0] ?? ''), { type: 'error', code, message: /\w{4}/ });
    t.equal(told.length, 2, 'the error and the close frame, nothing else');
    await besieged.unharmed(t, path.slice(0, 60));
  }
});

t.test('a token is neither needed nor a way to do harm', async (t) => {
  const { parlor, ...besieged } = await besiege(t);
  for (const length of [1_000, 8_192]) {
    const token = junk(length);
    for (const query of [
      `user=m1&token=${token}`,
      `user=m2&token=%00%c3%bf${token}`,
      `token=&token=a&user=m3`,
    ]) {
      t.equal(await attempt(parlor.open(ATTACKED, query)), 'welcome', query.slice(0, 30));
    }
    for (const headers of [{ authorization: `Bearer ${token}` }, { cookie: token }]) {
      t.equal((await parlor.post('42', { text: 'Hello' }, headers)).status, 201);
      t.equal(await attempt(parlor.open(ATTACKED, 'user=m4', { headers })), 'welcome');
    }
    t.equal((await parlor.get(`/api/rooms?token=${token}`)).status, 400);
    await besieged.unharmed(t, `tokens of ${length} bytes`);
  }
});

t.test('a client that falls silent is ended, and its seat is free again', async (t) => {
  const { parlor, ...besieged } = await besiege(t, { SILENCE_S: '8', GRACE_MS: '0' });
  // One is a process that has stopped, the other a connection that never answers a ping.
  const script = `new (require('ws').WebSocket)(process.argv[1]).on('message', () => process.stdout.write('in'))`;
  const url = `ws://127.0.0.1:${parlor.port}/ws/updates/half?user=stopped`;
  const stopped = spawn(process.execPath, ['-e', script, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => stopped.kill('SIGKILL'));
  let said = '';
  stopped.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await until(() => said !== '', { what: 'the other client to be in' });
  stopped.kill('SIGSTOP');
  const headers = Array.from({ length: 300 }, (_, i) => `X-H${i}: a`);
  const unread = await Promise.all(
    [head('GET /api/rooms HTTP/1.1', 'Host: x', ...headers), head('GET /api/rooms HTTP/1.1')].map(
      async (bytes) => {
        const raw = await connectRaw(parlor.port);
        raw.write(bytes);
        return raw;
      },
    ),
  );
  const silent = await openRaw(parlor.port, '/ws/updates/half?user=silent');
  await silent.told('welcome');
  t.equal(await attempt(parlor.open('half', 'user=carol')), 'room_full 4409');
  await untilMetric(parlor, 'parlor_connections', 4, 25_000);
  await silent.ended();
  // On Node 22 and newer uWebSockets.js answers at once; on 20 it waits until its time is over.
  for (const [at, raw] of unread.entries()) {
    const expected = at === 0 ? 431 : 400;
    t.equal((await answerOn(raw))?.status ?? expected, expected, '300 headers, no Host: refused or dropped');
  }
  for (const user of ['carol', 'dave'])
    t.equal(await attempt(parlor.open('half', `user=${user}`)), 'welcome');
  await besieged.unharmed(t, 'two silent clients; those who answer pings stay');
});

t.test('connections that never finish what they began cost the others nothing', async (t) => {
  const { parlor, ...besieged } = await besiege(t);
  const half = await Promise.all(
    [
      '',
      'GET',
      'GET /api/rooms HTTP/1.1\r\nHo',
      'POST /api/rooms/42/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{',
    ].map(async (bytes) => {
      const raw = await connectRaw(parlor.port);
      if (bytes !== '') raw.write(bytes);
      return raw;
    }),
  );
  const cut = await openRaw(parlor.port, `${HERE}?user=mallory`);
  cut.write(frameBytes('{"type":"post","text":"never finished"}').subarray(0, 12));
  await besieged.unharmed(t, 'half requests');
  for (const { socket } of [...half, cut]) socket.resetAndDestroy();
  await untilMetric(parlor, 'parlor_connections', 4);
  await besieged.unharmed(t, 'resets');
});

const SMUGGLED = `POST /api/rooms/${ATTACKED}/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{"text":"smuggled"}`;
const POST = `POST /api/rooms/${ATTACKED}/messages HTTP/1.1`;
/** What HTTP itself forbids, and the statuses it may be answered with; null: dropped without an answer. */
const BREACHES: readonly (readonly [
  name: string,
  bytes: string | Buffer,
  statuses: readonly (number | null)[],
])[] = [
  [
    'a length and chunks',
    `${head(POST, 'Host: x', 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${SMUGGLED}`,
    [400],
  ],
  [
    'chunks and a length',
    `${head(POST, 'Host: x', 'Transfer-Encoding: chunked', 'Content-Length: 4')}0\r\n\r\n${SMUGGLED}`,
    [400],
  ],
  ['two lengths', `${head(POST, 'Host: x', 'Content-Length: 0', 'Content-Length: 400')}${SMUGGLED}`, [null]],
  ['a length that is no number', `${head(POST, 'Host: x', 'Content-Length: 0x10')}${SMUGGLED}`, [400]],
  ['a negative length', `${head(POST, 'Host: x', 'Content-Length: -1')}${SMUGGLED}`, [400]],
  [
    'a coding that is not chunked',
    `${head(POST, 'Host: x', 'Transfer-Encoding: identity')}${SMUGGLED}`,
    [400],
  ],
  [
    'a coding that only looks chunked',
    `${head(POST, 'Host: x', 'Transfer-Encoding: xchunked')}${SMUGGLED}`,
    [400],
  ],
  [
    'a chunk without a size',
    `${head(POST, 'Host: x', 'Transfer-Encoding: chunked')}zz\r\n${SMUGGLED}`,
    [400],
  ],
  ['a body that is announced with 10 gigabytes', head(POST, 'Host: x', 'Content-Length: 10737418240'), [413]],
  [
    'chunks without an end',
    `${head(POST, 'Host: x', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}${`4000\r\n${'x'.repeat(0x4000)}\r\n`.repeat(20)}`,
    [413],
  ],
  [
    'a header of 100 kilobytes',
    head('GET /api/rooms HTTP/1.1', 'Host: x', `X-Long: ${'x'.repeat(100_000)}`),
    [200, 431],
  ],
  ['a method that does not exist', head('BREW /api/rooms HTTP/1.1', 'Host: x'), [400]],
  ['a method in small letters', head('get /api/rooms HTTP/1.1', 'Host: x'), [400]],
  ['a version that does not exist', head('GET /api/rooms HTTP/9.9', 'Host: x'), [505]],
  ['no HTTP at all', 'EHLO parlor\r\n\r\n', [505]],
  ['the beginning of TLS', Buffer.from('16030100f5010000f10303', 'hex'), [505]],
  ['zeros', Buffer.alloc(8_192), [505]],
];

t.test('what breaks HTTP is refused or dropped, and nothing is smuggled in behind it', async (t) => {
  const { parlor, ...besieged } = await besiege(t);
  for (const [name, bytes, statuses] of BREACHES) {
    const raw = await connectRaw(parlor.port);
    raw.write(bytes);
    const answer = await answerOn(raw);
    t.ok(statuses.includes(answer?.status ?? null), `${name}: ${String(answer?.status)}`);
    raw.socket.destroy();
    await besieged.unharmed(t, name);
  }
  const echoed = await exchange(
    parlor.port,
    head('GET /api/nowhere HTTP/1.1', 'Host: x', 'X-Request-Id: a\tb<script>'),
  );
  t.notMatch(echoed?.headers['x-request-id'], /[\t<]{2}/, 'a request id of ours instead of rubbish');
  t.match(await problemOf(await parlor.get('/api/nowhere')), { code: 'not_found' });
});
