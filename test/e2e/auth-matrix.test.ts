import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { ALL_RIGHTS, inSeconds, JWT_ENV, rsaKeys, token, unsigned } from '../support/tokens.js';
import { attempt } from './support/chat.js';

/*
 * Every kind of token at every door: what comes of it. A new call has to be stated here, because the list of calls comes
 * from the document.
 */

t.setTimeout(120_000);

const ROOM = 'channel:matrix';
const rooms = [{ room: 'channel:*', may: ALL_RIGHTS }];
const alice = { sub: 'alice', rooms };

/** Tokens that say nothing about who sends them: at each door they get the same answer. */
const WORTHLESS: Readonly<Record<string, () => Promise<string | null>>> = {
  none: () => Promise.resolve(null),
  expired: () => token({ ...alice, exp: inSeconds(-10) }),
  'not valid yet': () => token({ ...alice, nbf: inSeconds(60) }),
  'signed with another key': () => token(alice, { alg: 'HS256', key: Buffer.from('x'.repeat(32)) }),
  'signed with another algorithm': () => token(alice, { alg: 'RS256', key: rsaKeys().key }),
  unsigned: () => Promise.resolve(unsigned(alice)),
  'of another issuer': () => token({ ...alice, iss: 'https://else.example' }),
  'for another audience': () => token({ ...alice, aud: 'another' }),
  revoked: () => token({ ...alice, jti: 'revoked' }),
  'without an end': () => token({ ...alice, exp: undefined }),
  'of a guest': () => token({ ...alice, sub: 'guest-0123456789ab' }),
  'no token at all': () => Promise.resolve('nonsense'),
};

const GOOD = {
  member: () => token(alice),
  reader: () => token({ sub: 'rita', rooms: [{ room: 'channel:*', may: ['read'] }] }),
  stranger: () => token({ sub: 'steve', rooms: [{ room: 'another', may: ALL_RIGHTS }] }),
  service: () => token({ sub: 'office', scope: 'service' }),
};
type Kind = keyof typeof GOOD;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** What each kind of good token is answered. */
  readonly status: Readonly<Record<Kind, number>>;
}

const post = () => ({ id: randomUUID(), text: 'Hello' });
const all = (status: number) => ({ member: status, reader: status, stranger: status, service: status });
const services = (status: number) => ({ ...all(403), service: status });
const inRoom = (status: number) => ({ ...services(status), member: status });
const toRead = (status: number) => ({ ...inRoom(status), reader: status });

/** By operationId. Those that change the room for good come last. */
function calls(messageId: string, eventId: string): Readonly<Record<string, Call>> {
  const at = `/api/rooms/${ROOM}`;
  return {
    getHealth: { method: 'GET', path: '/health', status: all(200) },
    getReadiness: { method: 'GET', path: '/health/ready', status: all(200) },
    getAsyncApi: { method: 'GET', path: '/api/asyncapi.json', status: all(200) },
    getMetrics: { method: 'GET', path: '/metrics', status: services(200) },
    postMessage: { method: 'POST', path: `${at}/messages`, body: post(), status: inRoom(201) },
    listMessages: { method: 'GET', path: `${at}/messages`, status: toRead(200) },
    // Who may not read the room does not learn that there is such a message.
    getMessage: {
      method: 'GET',
      path: `/api/messages/${messageId}`,
      status: { ...toRead(200), stranger: 404 },
    },
    listRooms: { method: 'GET', path: '/api/rooms', status: services(200) },
    getRoom: { method: 'GET', path: at, status: toRead(200) },
    streamRoom: { method: 'GET', path: `${at}/stream`, status: inRoom(200) },
    openRoom: { method: 'PUT', path: at, body: { capacity: 9 }, status: inRoom(200) },
    removeMember: { method: 'DELETE', path: `${at}/members/nobody`, status: inRoom(404) },
    listEvents: { method: 'GET', path: '/api/events', status: services(200) },
    getEvent: { method: 'GET', path: `/api/events/${eventId}`, status: { ...toRead(200), stranger: 404 } },
    disconnectUser: { method: 'DELETE', path: '/api/users/nobody/connections', status: services(204) },
    listRevocations: { method: 'GET', path: '/api/revocations', status: services(200) },
    revokeUser: { method: 'PUT', path: '/api/revocations/users/nobody', status: services(200) },
    revokeToken: { method: 'PUT', path: '/api/revocations/tokens/none', status: services(200) },
    unrevokeUser: { method: 'DELETE', path: '/api/revocations/users/nobody', status: services(204) },
    unrevokeToken: { method: 'DELETE', path: '/api/revocations/tokens/none', status: services(204) },
    closeRoom: { method: 'DELETE', path: at, status: inRoom(204) },
  };
}
const PUBLIC = new Set(['getHealth', 'getReadiness', 'getAsyncApi']);

const bearer = (given: string | null): Record<string, string> =>
  given === null ? {} : { authorization: `Bearer ${given}` };

const send = (parlor: Parlor, { method, path, body }: Call, given: string | null) =>
  parlor.send(method, path, body, bearer(given));

t.test('every kind of token at every door', async (t) => {
  const parlor = await startParlor(JWT_ENV);
  t.teardown(() => parlor.end());
  const service = await GOOD.service();
  await parlor.send('PUT', '/api/revocations/tokens/revoked', undefined, bearer(service));
  const first = (await (await parlor.post(ROOM, { text: 'first' }, bearer(service))).json()) as {
    id: string;
  };
  const operations = calls(first.id, first.id);

  const document = (await (await parlor.get('/api/openapi.json')).json()) as {
    paths: Record<string, Record<string, { operationId: string; security?: object[] }>>;
  };
  const documented = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  t.same(
    documented.map(({ operationId }) => operationId).sort(),
    Object.keys(operations).sort(),
    'all calls are stated',
  );
  t.same(
    documented
      .filter(({ security }) => security?.length === 0)
      .map(({ operationId }) => operationId)
      .sort(),
    [...PUBLIC].sort(),
    'those that need no token say so',
  );

  await t.test('a token that is worth nothing opens no door', async (t) => {
    for (const [kind, make] of Object.entries(WORTHLESS)) {
      const given = await make();
      for (const [name, call] of Object.entries(operations)) {
        const answer = await send(parlor, call, given);
        if (PUBLIC.has(name)) t.equal(answer.status, 200, `${kind}: ${name}`);
        else {
          t.equal(answer.status, 401, `${kind}: ${name}`);
          t.match(answer.headers.get('www-authenticate'), /^Bearer/);
          t.match(await answer.json(), { code: 'unauthorized' });
        }
      }
      const query = given === null ? '' : `access_token=${given}`;
      t.equal(await attempt(parlor.open(ROOM, query)), 'unauthorized 4401', `${kind}: a WebSocket`);
    }
  });

  await t.test('a good token opens those doors that it has the rights for', async (t) => {
    for (const kind of ['stranger', 'reader', 'member', 'service'] as const) {
      const given = await GOOD[kind]();
      for (const [name, call] of Object.entries(operations)) {
        if (name === 'closeRoom') continue;
        // Each post is one of its own.
        const one = name === 'postMessage' ? { ...call, body: post() } : call;
        const answer = await send(parlor, one, given);
        t.equal(answer.status, call.status[kind], `${kind}: ${name}`);
        // A stream would go on.
        await answer.body?.cancel();
      }
    }
    t.equal(
      await attempt(parlor.open(ROOM, `access_token=${await GOOD.stranger()}`)),
      'forbidden 4403',
      'another room',
    );
    t.equal(
      await attempt(parlor.open(ROOM, `access_token=${await GOOD.reader()}`)),
      'forbidden 4403',
      'no right to join',
    );
    t.equal(await attempt(parlor.open(ROOM, `access_token=${await GOOD.member()}`)), 'welcome');
    t.equal(await attempt(parlor.open(ROOM, `access_token=${service}`)), 'welcome');
  });

  await t.test('each frame is what the token allows', async (t) => {
    const silent = await token({ sub: 'sam', rooms: [{ room: 'channel:*', may: ['join'] }] });
    const sam = await parlor.join(ROOM, `access_token=${silent}`);
    const id = randomUUID();
    sam.send({ type: 'post', text: 'Hello', id });
    t.match(await sam.next('error'), { code: 'forbidden', id, message: /"post"/ });
    sam.send({ type: 'typing' });
    t.match(await sam.next('error'), { code: 'forbidden' });
    sam.send({ type: 'ping' });
    t.ok(await sam.next('pong'));
    sam.send({ type: 'refresh', token: await token({ sub: 'sam', rooms }) });
    t.ok(await sam.next('refreshed'));
    sam.send({ type: 'post', text: 'Hello', id });
    t.match(await sam.next('ack'), { id }, 'with the right that the new token has');
    for (const [kind, make] of Object.entries(WORTHLESS)) {
      const given = await make();
      sam.send({ type: 'refresh', token: given ?? 'x' });
      t.match(await sam.next('error'), { code: 'unauthorized' }, `refresh: ${kind}`);
    }
    sam.send({ type: 'refresh', token: await GOOD.member() });
    t.match(await sam.next('error'), { code: 'forbidden', message: /another user/ });
    t.equal(sam.socket.readyState, sam.socket.OPEN, 'and the connection stands');
  });

  await t.test('nobody acts as somebody else, but a service', async (t) => {
    const as = (user: string, given: string) => parlor.post(ROOM, { text: 'Hello', user }, bearer(given));
    const member = await GOOD.member();
    for (let i = 0; i < 2; i++)
      t.equal((await as('bob', member)).status, 403, 'the short way and the long one');
    t.equal((await as('alice', member)).status, 201);
    t.match(await (await as('bob', service)).json(), { user: 'bob' });
    t.equal(await attempt(parlor.open(ROOM, `access_token=${member}&user=bob`)), 'forbidden 4403');
    const bot = await parlor.join(ROOM, `access_token=${service}&user=bob`);
    t.match(bot.of('welcome'), [{ user: 'bob' }]);
    t.equal(await attempt(parlor.open(ROOM, `access_token=${member}&resume=x`)), 'bad_request 4400');
  });

  await t.test('closing', async (t) => {
    const call = operations['closeRoom'];
    if (!call) throw new Error('no such call');
    for (const kind of ['stranger', 'reader', 'member'] as const)
      t.equal((await send(parlor, call, await GOOD[kind]())).status, call.status[kind], kind);
  });
});
