import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { oneTo, problemOf, readRoom } from './support/chat.js';
import { metrics } from './support/metrics.js';
import { connectRaw, exchange } from './support/raw.js';

const POST = '/api/rooms/42/messages';
const HOST = 'Host: 127.0.0.1';
const JSON_TYPE = 'Content-Type: application/json';

/** What is refused below the routes, or beside them: by uWebSockets.js's bridge, the parser, the router, a route. */
const REFUSED: readonly (readonly [
  name: string,
  status: number,
  code: string,
  method: string,
  path: string,
  headers: readonly string[],
  body: string,
])[] = [
  [
    'two lengths',
    400,
    'bad_request',
    'POST',
    POST,
    [JSON_TYPE, 'Content-Length: 2', 'Content-Length: 2'],
    '{}',
  ],
  ['a method that is none', 400, 'bad_request', 'FOO', '/api/rooms', [], ''],
  ['a byte that no URL contains', 400, 'bad_request', 'GET', '/api/rooms/\xe9', [], ''],
  [
    'an expectation nobody knows',
    417,
    'expectation_failed',
    'POST',
    POST,
    [JSON_TYPE, 'Expect: tea', 'Content-Length: 2'],
    '{}',
  ],
  [
    'a body that is announced far too large',
    413,
    'payload_too_large',
    'POST',
    POST,
    [JSON_TYPE, 'Content-Length: 1000000'],
    '',
  ],
  [
    'a body that is too large',
    413,
    'payload_too_large',
    'POST',
    POST,
    [JSON_TYPE, 'Content-Length: 70000'],
    ' '.repeat(70_000),
  ],
  ['a body that stops', 408, 'request_timeout', 'POST', POST, [JSON_TYPE, 'Content-Length: 20'], '{"text":'],
  [
    'a body that stops, to nowhere',
    408,
    'request_timeout',
    'POST',
    '/api/nowhere',
    [JSON_TYPE, 'Content-Length: 20'],
    '{"text":',
  ],
  [
    'a chunk extension',
    400,
    'bad_request',
    'POST',
    POST,
    [JSON_TYPE, 'Transfer-Encoding: chunked'],
    '10;a=b\r\n{"text":"Hello"}\r\n0\r\n\r\n',
  ],
  ['a percent sign without digits', 400, 'bad_request', 'GET', '/api/rooms/%zz', [], ''],
  [
    'another media type',
    415,
    'unsupported_media_type',
    'POST',
    POST,
    ['Content-Type: text/plain', 'Content-Length: 2'],
    '{}',
  ],
  ['not JSON', 400, 'bad_request', 'POST', POST, [JSON_TYPE, 'Content-Length: 2'], '{!'],
  ['nothing at this address', 404, 'not_found', 'GET', '/api/nowhere', [], ''],
  ['a method that the address does not have', 405, 'method_not_allowed', 'PATCH', '/api/rooms/42', [], ''],
  [
    'a QUERY without a type, which Fastify refuses first',
    405,
    'method_not_allowed',
    'QUERY',
    '/api/rooms/42',
    [],
    '',
  ],
  [
    'a method that it does not have, with a bad body',
    405,
    'method_not_allowed',
    'PATCH',
    '/api/rooms/42',
    [JSON_TYPE, 'Content-Length: 1'],
    '{',
  ],
  [
    'an address that is not there, with a bad body',
    404,
    'not_found',
    'POST',
    '/api/nowhere',
    [JSON_TYPE, 'Content-Length: 1'],
    '{',
  ],
];

t.test('whoever refuses a request, answers it, logs it and counts it in the same way', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const answers = await Promise.all(
    REFUSED.map(async ([name, , , method, path, headers, body]) => {
      const id = `refused-${name.replaceAll(' ', '-')}`;
      const lines = [`${method} ${path} HTTP/1.1`, HOST, `X-Request-Id: ${id}`, ...headers];
      return {
        id,
        answer: await exchange(parlor.port, Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')),
      };
    }),
  );
  const expected = new Map<string, number>();
  for (const [at, [name, status, code, method]] of REFUSED.entries()) {
    const { id, answer } = answers[at] ?? {};
    t.equal(answer?.status, status, name);
    t.equal(answer?.headers['x-request-id'], id, `${name}: has its request id`);
    t.match(answer?.headers['content-type'], /^application\/problem\+json$/, name);
    const problem = JSON.parse(answer?.body || '{}') as Record<string, unknown>;
    t.match(
      problem,
      { code, status, type: `urn:parlor:error:${code}`, detail: /\w/, retry: status === 408 },
      name,
    );
    const of = () => parlor.logs.filter(({ request_id }) => request_id === id);
    await until(() => of().length > 0, { what: `the line of ${name}` });
    t.match(of(), [{ msg: 'request', method, status, ms: Number }], `${name}: one line`);
    t.equal(of().length, 1, `${name}: one line and no more`);
    expected.set(code, (expected.get(code) ?? 0) + 1);
  }
  const value = await metrics(parlor);
  for (const [code, count] of expected)
    t.equal(value(`parlor_refusals_total{code="${code}"}`), count, `${code} is counted`);
});

t.test('an address that exists says which methods it has', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  for (const [method, path, allow] of [
    ['PATCH', '/api/rooms/42', 'DELETE, GET, HEAD, PUT'],
    ['PATCH', '/api/rooms/42/', 'DELETE, GET, HEAD, PUT'],
    ['DELETE', '/api/rooms/42/messages?x=1', 'GET, HEAD, POST'],
    ['PUT', '/api/rooms', 'GET, HEAD'],
    ['GET', '/api/rooms/42/members/bob', 'DELETE'],
    ['POST', '/ws/updates/42', 'GET'],
    ['DELETE', '/', 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
  ] as const) {
    const answer = await parlor.send(method, path);
    t.equal(answer.status, 405, `${method} ${path}`);
    t.equal(answer.headers.get('allow'), allow, path);
    t.equal((await problemOf(answer)).code, 'method_not_allowed');
  }
  for (const path of ['/api/nowhere', '/api/rooms/42/else', '/api/rooms/42/members'])
    t.equal((await parlor.send('PATCH', path)).status, 404, path);
});

t.test('a client that says JSON and sends nothing is understood where nothing is needed', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const json = { 'content-type': 'application/json' };
  for (const headers of [json, {}]) {
    const opened = await parlor.send('PUT', '/api/rooms/group:1', undefined, headers);
    t.equal(opened.status, 201, 'PUT without a body opens a room');
    t.match(await opened.json(), { policy: { capacity: 256, post: 'members' } }, 'with the preset of its id');
    t.equal(
      (await parlor.send('PUT', '/api/rooms/group:1', undefined, headers)).status,
      200,
      'and again: it is open',
    );
    t.equal((await parlor.send('DELETE', '/api/rooms/group:1/members/bob', undefined, headers)).status, 404);
    t.equal((await parlor.send('DELETE', '/api/rooms/group:1?purge=true', undefined, headers)).status, 204);
  }
  const missing = await parlor.send('POST', POST, undefined, json);
  t.equal(missing.status, 400, 'a post without a body says nothing');
  for (const body of ['null', '[]', '""'])
    t.equal((await parlor.send('PUT', '/api/rooms/42', body)).status, 400, body);
});

t.test('a slash at the end of an address changes nothing', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  t.equal((await parlor.send('POST', `${POST}/`, { text: 'Hello' })).status, 201);
  t.equal((await readRoom(parlor, '42')).head_seq, 1);
  for (const path of [
    '/api/rooms/',
    '/api/rooms/42/',
    `${POST}/?limit=1`,
    '/api/events/',
    '/health/',
    '/health/ready/',
    '/metrics/',
    '/api/openapi.json/',
  ])
    t.equal((await parlor.get(path)).status, 200, path);
});

t.test('a query parameter that a call does not have is refused, as an unknown field is', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  await parlor.post('42', { text: 'Hello' });
  for (const [method, path] of [
    ['GET', '/api/rooms?limt=1'],
    ['GET', '/api/rooms/42?limit=1'],
    ['GET', `${POST}?afer=1`],
    ['GET', '/api/events?roomid=42'],
    ['GET', `/api/events/${randomUUID()}?x`],
    ['GET', `/api/messages/${randomUUID()}?x=1`],
    ['POST', `${POST}?dry=true`],
    ['PUT', '/api/rooms/42?capacity=2'],
    ['DELETE', '/api/rooms/42?purged=true'],
    ['DELETE', '/api/rooms/42/members/bob?x=1'],
  ] as const) {
    const body = method === 'POST' || method === 'PUT' ? {} : undefined;
    const answer = await parlor.send(method, path, method === 'POST' ? { text: 'Hello' } : body);
    t.equal(answer.status, 400, `${method} ${path}`);
    const { detail, errors } = await problemOf(answer);
    t.match(detail, /is not a known field/, path);
    const name = new URL(path, 'http://x').search.slice(1).split('=')[0] ?? '';
    t.equal(errors?.[0]?.path, `/${name}`, path);
  }
  t.equal((await readRoom(parlor, '42')).status, 'open', 'nothing was done');
  for (const path of ['/health?from=proxy', '/health/ready?x=1', '/metrics?format=prometheus'])
    t.equal((await parlor.get(path)).status, 200, `${path}: for machines, which add what they like`);
});

/** Sends bytes in one piece and reads until the connection is closed. */
async function untilClosed(parlor: Parlor, bytes: string): Promise<string> {
  const raw = await connectRaw(parlor.port);
  raw.write(bytes);
  await raw.closed;
  return raw.received().toString();
}

t.test('no post is stored without an answer because another one came in the same piece', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const body = '{"text":"Hello"}';
  const post = [`POST ${POST} HTTP/1.1`, HOST, JSON_TYPE, `Content-Length: ${body.length}`, '', body].join(
    '\r\n',
  );
  const put = ['PUT /api/rooms/piped HTTP/1.1', HOST, '', ''].join('\r\n');
  for (const first of [post, put, post.replace('/messages', '/messages/')]) {
    t.equal(
      await untilClosed(parlor, first + post),
      '',
      'the connection is closed, and the client may send both again',
    );
  }
  await parlor.post('43', { text: 'what was sent before this has been dealt with' });
  const { rooms } = (await (await parlor.get('/api/rooms')).json()) as { rooms: { room_id: string }[] };
  t.same(
    rooms.map(({ room_id }) => room_id),
    ['43'],
    'nothing was done',
  );
});

interface Page {
  readonly next: string | number | null;
  readonly [list: string]: unknown;
}

t.test(
  'every list is read in one way: `next` goes into `cursor`, and the rest stays as it was',
  async (t) => {
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    for (const n of oneTo(10)) await parlor.post('42', { text: `message ${n}` });
    for (const n of oneTo(4)) await parlor.post(`room-${n}`, { text: 'Hello' });
    const walk = async (path: string, list: string, field: string): Promise<unknown[]> => {
      const seen: unknown[] = [];
      for (let cursor: Page['next'] | undefined; cursor !== null;) {
        const answer = await parlor.get(`${path}&limit=3${cursor === undefined ? '' : `&cursor=${cursor}`}`);
        t.equal(answer.status, 200, `${path} from ${cursor}`);
        const page = (await answer.json()) as Page;
        seen.push(...(page[list] as Record<string, unknown>[]).map((one) => one[field]));
        cursor = page.next;
      }
      return seen;
    };
    const numbers = (of: unknown[]): unknown[] => of.sort((a, b) => Number(a) - Number(b));
    t.same(numbers(await walk(`${POST}?`, 'messages', 'seq')), oneTo(10), 'messages, the newest page first');
    t.same(await walk(`${POST}?after=0`, 'messages', 'seq'), oneTo(10), 'messages, the oldest first');
    t.same(
      await walk(`${POST}?after=2&before=9`, 'messages', 'seq'),
      [3, 4, 5, 6, 7, 8],
      'messages between two',
    );
    t.same(numbers(await walk(`${POST}?before=9`, 'messages', 'seq')), oneTo(8), 'messages before one');
    t.same(
      await walk('/api/rooms?', 'rooms', 'room_id'),
      ['42', ...oneTo(4).map((n) => `room-${n}`)],
      'rooms',
    );
    t.same(await walk('/api/events?room_id=42', 'events', 'seq'), oneTo(10), 'events of a room');
    t.equal((await walk('/api/events?', 'events', 'seq')).length, 14, 'all events');
    const [third] = (
      (await (await parlor.get('/api/events?room_id=42&after=2&limit=1')).json()) as {
        events: { event_id: string }[];
      }
    ).events;
    const behind = await walk(`/api/events?room_id=42&after=${third?.event_id ?? ''}`, 'events', 'seq');
    t.same(behind, [4, 5, 6, 7, 8, 9, 10], 'events of a room behind one of them');
  },
);

t.test('a message is read once and then only asked about; what may change is never kept', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const { id } = (await (await parlor.post('42', { text: 'Hello' })).json()) as { id: string };
  for (const path of [`/api/messages/${id}`, `/api/events/${id}`]) {
    const first = await parlor.get(path);
    t.equal(first.headers.get('cache-control'), 'private, no-cache', path);
    const etag = first.headers.get('etag') ?? '';
    t.match(etag, /^"[^"]+"$/, path);
    for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await parlor.send('GET', path, undefined, { 'if-none-match': condition });
      t.equal(again.status, 304, `${path} ${condition}`);
      t.equal(await again.text(), '');
      t.equal(again.headers.get('etag'), etag);
    }
    t.equal((await parlor.send('GET', path, undefined, { 'if-none-match': '"other"' })).status, 200);
  }
  for (const path of [
    '/api/rooms',
    '/api/rooms/42',
    POST,
    '/api/events',
    '/health',
    '/health/ready',
    '/metrics',
    '/api/rooms/none',
    '/api/nowhere',
    `/api/messages/${randomUUID()}`,
  ])
    t.equal((await parlor.get(path)).headers.get('cache-control'), 'no-store', path);
  await parlor.send('DELETE', '/api/rooms/42?purge=true');
  await parlor.send('PUT', '/api/rooms/42');
  const gone = await parlor.send('GET', `/api/messages/${id}`, undefined, { 'if-none-match': `"${id}"` });
  t.equal(gone.status, 404, 'what was purged is not confirmed');
});
