import t, { type Test } from 'tap';
import { startParlor, type Env, type LogLine, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { attempt } from './support/chat.js';
import { warnings } from './support/warnings.js';

/** Clients on the other side of the proxy. */
const [CAROL, DAVE] = ['198.51.100.1', '198.51.100.2'];

async function start(t: Test, env: Env = {}): Promise<Parlor> {
  const parlor = await startParlor(env);
  t.teardown(() => parlor.end());
  return parlor;
}

const from = (...addresses: string[]) => ({ headers: { 'x-forwarded-for': addresses.join(', ') } });

/** The line about a WebSocket, which is ended. */
async function visit(parlor: Parlor, options: object): Promise<LogLine | undefined> {
  const before = parlor.logs.length;
  const client = parlor.open('channel:x', 'user=alice', options);
  await client.next('welcome');
  await client.close();
  return until(() => parlor.logs.slice(before).find(({ msg }) => msg === 'connection'), { what: 'its line' });
}

/** The address in the line of a request that is refused. */
async function refusedFrom(parlor: Parlor, path: string, headers: Record<string, string>): Promise<unknown> {
  const before = parlor.logs.length;
  const body = path.startsWith('POST') ? { text: '' } : undefined;
  const [method = '', address = ''] = path.split(' ');
  t.ok((await parlor.send(method, address, body, headers)).status >= 400);
  const line = await until(() => parlor.logs.slice(before).find(({ msg }) => msg === 'request'), {
    what: 'its line',
  });
  return line?.['ip'];
}

t.test('X-Forwarded-For of anybody is ignored, and one line says how to change that', async (t) => {
  const parlor = await start(t);
  for (const path of ['GET /api/nowhere', 'POST /api/rooms/42/messages', 'GET /api/rooms/%zz']) {
    t.equal(await refusedFrom(parlor, path, {}), '127.0.0.1', path);
    t.equal(await refusedFrom(parlor, path, from(CAROL).headers), '127.0.0.1', path);
  }
  t.match(await visit(parlor, from(CAROL)), { ip: '127.0.0.1' });
  t.match(warnings(parlor), [{ ip: '127.0.0.1', msg: /TRUSTED_PROXIES/ }]);
  t.equal(warnings(parlor).length, 1);
  const accepted = parlor.logs.filter(({ status }) => Number(status) < 400);
  t.same(
    accepted.filter((line) => 'ip' in line),
    [],
    'who is not refused is not listed by address',
  );
});

t.test('a trusted proxy says who the client is, at both doors, and limits count by that', async (t) => {
  const parlor = await start(t, { TRUSTED_PROXIES: '127.0.0.0/8', CONNECTIONS_PER_ADDRESS: '1' });
  for (const path of ['GET /api/nowhere', 'POST /api/rooms/42/messages', 'GET /api/rooms/%zz']) {
    t.equal(await refusedFrom(parlor, path, from(CAROL).headers), CAROL, path);
    t.equal(await refusedFrom(parlor, path, from(DAVE, CAROL).headers), CAROL, 'what a client made up');
  }
  t.match(await visit(parlor, from(DAVE, CAROL, '127.0.0.9')), { ip: CAROL });
  const open = (...addresses: string[]) =>
    attempt(parlor.open('channel:x', 'user=alice', from(...addresses)));
  await until(async () => (await open(CAROL)) === 'welcome', { what: 'her place to be free' });
  t.equal(await open(CAROL), 'rate_limited 4429');
  t.equal(await open(DAVE, CAROL), 'rate_limited 4429', 'she cannot pass for somebody else');
  t.equal(await open(DAVE), 'welcome', 'others behind the same proxy are not affected');
  t.same(warnings(parlor), []);
});
