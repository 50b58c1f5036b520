import t, { type Test } from 'tap';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { attempt, readRoom } from './support/chat.js';
import { metrics } from './support/metrics.js';
import { exchange, openRaw, type RawAnswer } from './support/raw.js';
import { warnings } from './support/warnings.js';

const EVIL = 'https://evil.example';
const CHAT = 'https://chat.example';

async function start(t: Test, env: Env = {}): Promise<Parlor> {
  const parlor = await startParlor({ HOSTS: '', ...env });
  t.teardown(() => parlor.end());
  return parlor;
}

/** A request with these headers; a post unless it is said otherwise. */
async function ask(
  parlor: Parlor,
  headers: readonly string[],
  line = 'POST /api/rooms/page/messages',
): Promise<RawAnswer | null> {
  const body = line.startsWith('POST') ? '{"text":"from a page"}' : '';
  const lines = [`${line} HTTP/1.1`, ...headers, ...(body === '' ? [] : ['Content-Type: application/json'])];
  return exchange(parlor.port, `${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

/** How a WebSocket with these headers ends: "welcome", or the code of the error and the close code. */
async function open(parlor: Parlor, origin?: string, host?: string): Promise<string> {
  const headers = { ...(origin === undefined ? {} : { origin }), ...(host === undefined ? {} : { host }) };
  const client = parlor.open('page', 'user=page', { headers });
  const outcome = await attempt(client);
  client.socket.terminate();
  return outcome;
}

t.test('a page of another origin can neither read nor post, and takes no seat', async (t) => {
  const parlor = await start(t);
  const own = `127.0.0.1:${parlor.port}`;
  await parlor.join('page', 'user=alice');
  for (const origin of [EVIL, 'null', `http://localhost:${parlor.port}`, 'http://127.0.0.1:1']) {
    t.equal(await open(parlor, origin), 'forbidden 4403', `a WebSocket of ${origin}`);
    for (const line of [
      'POST /api/rooms/page/messages',
      'GET /api/rooms/page/messages',
      'GET /metrics',
      'DELETE /api/rooms/page',
      'OPTIONS /api/rooms/page',
    ]) {
      const preflight = line.startsWith('OPTIONS') ? ['Access-Control-Request-Method: DELETE'] : [];
      const answer = await ask(parlor, [`Host: ${own}`, `Origin: ${origin}`, ...preflight], line);
      t.equal(answer?.status, 403, `${line} of ${origin}`);
      t.match(JSON.parse(answer?.body ?? ''), { code: 'forbidden', detail: /ORIGINS/ });
      t.notOk(answer?.headers['access-control-allow-origin']);
    }
  }
  t.match(await readRoom(parlor, 'page'), { members: ['alice'], head_seq: 0, status: 'open' });
  t.equal(await open(parlor), 'welcome', 'a service, which has no origin, is let in');
  t.equal(await open(parlor, `http://${own}`), 'welcome', 'and so is a page of its own');
  for (const headers of [[], [`Origin: http://${own}`]])
    t.equal((await ask(parlor, [`Host: ${own}`, ...headers]))?.status, 201);
  const refused = (await metrics(parlor))('parlor_refusals_total{code="forbidden"}');
  t.equal(refused, 4 * 6, 'each refusal is counted');
});

t.test('a page whose name was made to point here (DNS rebinding) is refused', async (t) => {
  const parlor = await start(t);
  for (const host of ['rebound.example', `rebound.example:${parlor.port}`, 'localhost.rebound.example']) {
    t.equal(await open(parlor, `http://${host}`, host), 'forbidden 4403', host);
    t.equal(await open(parlor, undefined, host), 'forbidden 4403');
    for (const origin of [[], [`Origin: http://${host}`]])
      t.equal((await ask(parlor, [`Host: ${host}`, ...origin]))?.status, 403);
    const answer = await ask(parlor, [`Host: ${host}`], 'GET /api/rooms');
    t.match(JSON.parse(answer?.body ?? ''), { status: 403, detail: /HOSTS/ });
  }
  for (const host of ['localhost', `[::1]:${parlor.port}`, '10.1.2.3'])
    t.equal((await ask(parlor, [`Host: ${host}`]))?.status, 201, host);
  const named = await start(t, { HOSTS: 'parlor1, chat.internal' });
  for (const host of ['parlor1:8000', 'chat.internal']) {
    t.equal((await ask(named, [`Host: ${host}`]))?.status, 201, `${host} is listed`);
    t.equal(await open(named, undefined, host), 'welcome');
  }
});

t.test('a page of a listed origin may do all that a service may, and its browser is told so', async (t) => {
  const parlor = await start(t, { ORIGINS: `${CHAT}, http://localhost:5173` });
  const host = `Host: 127.0.0.1:${parlor.port}`;
  t.equal(await open(parlor, CHAT), 'welcome');
  t.equal(await open(parlor, CHAT, 'chat.example'), 'welcome', 'behind a proxy that passes its name on');
  t.equal(await open(parlor, EVIL), 'forbidden 4403');

  for (const [method, path] of [
    ['POST', '/api/rooms/page/messages'],
    ['PUT', '/api/rooms/page'],
    ['DELETE', '/api/rooms/page/members/bob'],
    ['GET', '/api/rooms/page/messages'],
  ] as const) {
    const preflight = [host, `Origin: ${CHAT}`, `Access-Control-Request-Method: ${method}`];
    const answer = await ask(
      parlor,
      [...preflight, 'Access-Control-Request-Headers: content-type,idempotency-key'],
      `OPTIONS ${path}`,
    );
    t.equal(answer?.status, 204, `the preflight of ${method} ${path}`);
    t.equal(answer?.headers['access-control-allow-origin'], CHAT);
    t.match(answer?.headers['access-control-allow-methods'], method);
    t.match(answer?.headers['access-control-allow-headers'], /content-type.*idempotency-key/);
    t.ok(Number(answer?.headers['access-control-max-age']) > 0);
  }
  const posted = await ask(parlor, [host, `Origin: ${CHAT}`]);
  t.equal(posted?.status, 201);
  t.match(posted?.headers, {
    'access-control-allow-origin': CHAT,
    'access-control-expose-headers': /x-request-id/,
    vary: /Origin/,
  });
  t.notOk(posted?.headers['access-control-allow-credentials']);
  const other = await ask(parlor, [host, 'Origin: http://localhost:5173'], 'GET /api/rooms/none');
  t.match(other, { status: 404, headers: { 'access-control-allow-origin': 'http://localhost:5173' } });
  const foreign = await ask(
    parlor,
    [host, `Origin: ${EVIL}`, 'Access-Control-Request-Method: POST'],
    'OPTIONS /api/rooms',
  );
  t.equal(foreign?.status, 403, 'a page that is not listed is refused its preflight');
  const none = await ask(parlor, [host], 'GET /api/rooms');
  t.match(none, { status: 200, headers: { vary: /Origin/ } });
  t.notOk(none?.headers['access-control-allow-origin'], 'who sends no origin is told none');
});

t.test('with ORIGINS=* every page is let in, and the log warns of it', async (t) => {
  const parlor = await start(t, { ORIGINS: '*' });
  t.equal(await open(parlor, EVIL), 'welcome');
  const answer = await ask(parlor, ['Host: rebound.example', `Origin: ${EVIL}`]);
  t.match(answer, { status: 201, headers: { 'access-control-allow-origin': '*' } });
  t.ok(parlor.logs.some(({ level, msg }) => level === 40 && msg.startsWith('ORIGINS=*')));
  const quiet = await start(t);
  t.same(warnings(quiet), []);
});

t.test('a refused page is told why before its WebSocket is closed', async (t) => {
  const parlor = await start(t);
  const raw = await openRaw(parlor.port, '/ws/updates/page?user=mallory', [`Origin: ${EVIL}`]);
  t.match(await raw.told('error'), { code: 'forbidden', message: /HOSTS/ }, 'its Host comes first');
  t.equal(await raw.ended(), 4403);
});
