import { randomUUID } from 'node:crypto';
import t from 'tap';
import { problemOf } from './support/chat.js';
import { ATTACKED, besiege } from './support/witnesses.js';

/** A request that is not well formed, and the answer it gets. */
interface Bad {
  readonly name: string;
  readonly status: number;
  readonly code: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As it is sent: a text, or JSON of anything else. */
  readonly body?: unknown;
  /** Where the problem document says the fault is. */
  readonly fault?: string;
}

const POST = `/api/rooms/${ATTACKED}/messages`;
const ID = randomUUID();

/** Posts that are refused for what is in them. */
const BODIES: readonly (readonly [name: string, body: unknown, fault?: string])[] = [
  ['JSON that ends too early', '{"text":"Hello"'],
  ['no JSON at all', 'text=Hello'],
  ['an empty body', ''],
  ['JSON behind JSON', '{"text":"a"}{"text":"b"}'],
  ['a list', '[{"text":"Hello"}]', ''],
  ['a text', '"Hello"', ''],
  ['null', 'null'],
  ['a number', '42', ''],
  ['no text', {}, '/text'],
  ['a number for text', { text: 5 }, '/text'],
  ['null for text', { text: null }, '/text'],
  ['a list for text', { text: ['Hello'] }, '/text'],
  ['an unknown field', { text: 'Hello', colour: 'red' }, '/colour'],
  ['a field for the prototype', '{"text":"Hello","__proto__":{"user":"admin"}}'],
  ['a field for the constructor', '{"text":"Hello","constructor":{"prototype":{"a":1}}}'],
  ['an empty text', { text: '' }, '/text'],
  ['a text of white space', { text: ' \t\r\n\u00a0\u2003' }, '/text'],
  ['2,049 characters', { text: 'x'.repeat(2049) }, '/text'],
  ['2,049 characters of four bytes', { text: '😀'.repeat(2049) }, '/text'],
  ['a lone high surrogate', '{"text":"a\\ud800b"}', '/text'],
  ['a lone low surrogate', '{"text":"\\udc00"}', '/text'],
  ['a NUL', '{"text":"a\\u0000b"}', '/text'],
  ['an id that is no UUID', { text: 'Hello', id: '42' }, '/id'],
  ['an id with a slash', { text: 'Hello', id: '../../etc/passwd' }, '/id'],
  ['an id of 10,000 characters', { text: 'Hello', id: 'a'.repeat(10_000) }, '/id'],
  ['an empty user', { text: 'Hello', user: '' }, '/user'],
  ['a user of 65 characters', { text: 'Hello', user: 'u'.repeat(65) }, '/user'],
  ['a user with a line break', { text: 'Hello', user: 'alice\nbob' }, '/user'],
  ['a user with white space around', { text: 'Hello', user: ' alice' }, '/user'],
  ['a number for user', { text: 'Hello', user: 7 }, '/user'],
  ['JSON 20,000 lists deep', '['.repeat(20_000)],
];

const bad = (
  name: string,
  status: number,
  code: string,
  rest: Omit<Bad, 'name' | 'status' | 'code'>,
): Bad => ({
  name,
  status,
  code,
  ...rest,
});

const REQUESTS: readonly Bad[] = [
  ...BODIES.map(([name, body, fault]) =>
    bad(name, 400, 'bad_request', { method: 'POST', body, ...(fault === undefined ? {} : { fault }) }),
  ),
  ...[
    ['a room id of 65 characters', 'r'.repeat(65)],
    ['a room id with a slash', 'a%2Fb'],
    ['a room id with a space', 'a%20b'],
    ['a room id that is no ASCII', 'caf%C3%A9'],
    ['a room id with a NUL', 'a%00b'],
  ].flatMap(([name, room]) =>
    ['GET', 'PUT', 'DELETE'].map((method) =>
      bad(`${String(name)}, ${method}`, 400, 'bad_request', {
        method,
        path: `/api/rooms/${String(room)}`,
        ...(method === 'PUT' ? { body: {} } : {}),
      }),
    ),
  ),
  bad('a percent sign without digits', 400, 'bad_request', { path: '/api/rooms/%zz' }),
  bad('percent digits that are no UTF-8', 400, 'bad_request', { path: '/api/rooms/%E0%A4%A' }),
  bad('half of a percent escape', 400, 'bad_request', { path: '/api/rooms/a%2/messages' }),
  bad('a room id of 600 characters', 400, 'bad_request', { path: `/api/rooms/${'r'.repeat(600)}` }),
  bad('a body of one byte over the limit', 413, 'payload_too_large', {
    method: 'POST',
    body: JSON.stringify({ text: 'x'.repeat(65_537 - 11) }),
  }),
  bad('a body of 100 kilobytes', 413, 'payload_too_large', {
    method: 'POST',
    body: { text: 'x'.repeat(100_000) },
  }),
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'junk',
  ].map((type) =>
    bad(`content-type ${type}`, 415, 'unsupported_media_type', {
      method: 'POST',
      headers: { 'content-type': type },
      body: '{"text":"Hello"}',
    }),
  ),
  bad('an Idempotency-Key that is no UUID', 400, 'bad_request', {
    method: 'POST',
    headers: { 'idempotency-key': 'again' },
    body: { text: 'Hello' },
    fault: '/idempotency-key',
  }),
  bad('an Idempotency-Key that is not the id', 400, 'bad_request', {
    method: 'POST',
    headers: { 'idempotency-key': randomUUID() },
    body: { text: 'Hello', id: ID },
  }),
  ...[
    'after=x',
    'after=-1',
    'after=1.5',
    'before=x',
    'limit=0',
    'limit=201',
    'limit=1e9',
    'limit=',
    'limit=1&limit=2',
  ].map((query) => bad(`history with ${query}`, 400, 'bad_request', { path: `${POST}?${query}` })),
  bad('rooms after no room id', 400, 'bad_request', { path: '/api/rooms?cursor=a%2Fb' }),
  bad('events of no room id', 400, 'bad_request', { path: '/api/events?room_id=a%2Fb' }),
  bad('events after neither cursor nor event id', 400, 'bad_request', { path: '/api/events?after=x7' }),
  bad('events of a room after an event that is not there', 404, 'not_found', {
    path: `/api/events?room_id=42&after=${ID}`,
  }),
  bad('an event id that is none', 400, 'bad_request', { path: '/api/events/1' }),
  bad('a message id that is none', 400, 'bad_request', { path: '/api/messages/1' }),
  bad('purge that is neither true nor false', 400, 'bad_request', {
    method: 'DELETE',
    path: '/api/rooms/nobody?purge=maybe',
  }),
  bad('removing a member with a NUL in the name', 400, 'bad_request', {
    method: 'DELETE',
    path: `/api/rooms/${ATTACKED}/members/a%00b`,
  }),
  ...[
    { capacity: 0 },
    { capacity: '2' },
    { capacity: 1.5 },
    { creation: 'maybe' },
    { deletion: null },
    { grace_ms: -1 },
    { idle_ms: 1e12 },
    { deliver_alone: 'yes' },
    { post: 'nobody' },
    { colour: 'red' },
  ].map((policy) =>
    bad(`the policy ${JSON.stringify(policy)}`, 400, 'bad_request', {
      method: 'PUT',
      path: `/api/rooms/${ATTACKED}`,
      body: policy,
      fault: `/${Object.keys(policy).join('')}`,
    }),
  ),
  bad('a policy that is a list', 400, 'bad_request', {
    method: 'PUT',
    path: `/api/rooms/${ATTACKED}`,
    body: [],
  }),
  bad('a path that is nowhere', 404, 'not_found', { path: '/api/nowhere?token=x' }),
  bad('no room id', 400, 'bad_request', { path: '/api/rooms//messages' }),
  bad('a method that an address does not have', 405, 'method_not_allowed', {
    method: 'PATCH',
    path: `/api/rooms/${ATTACKED}`,
    body: {},
  }),
  bad('another one', 405, 'method_not_allowed', { method: 'DELETE', path: POST }),
  bad('a WebSocket asked for with plain HTTP', 426, 'upgrade_required', { path: '/ws/updates/42' }),
  bad('a post into a closed room', 410, 'room_closed', {
    method: 'POST',
    path: '/api/rooms/shut/messages',
    body: { text: 'Hello' },
  }),
];

t.test('a bad request is told what is wrong with it, and nobody else notices', async (t) => {
  const besieged = await besiege(t);
  const { parlor } = besieged;
  await parlor.send('PUT', '/api/rooms/shut', {});
  await parlor.send('DELETE', '/api/rooms/shut');
  for (const { name, status, code, method = 'GET', path = POST, headers = {}, body, fault } of REQUESTS) {
    const answer = await parlor.send(method, path, body, headers);
    const problem = await problemOf(answer);
    t.match(
      {
        status: answer.status,
        type: answer.headers.get('content-type'),
        code: problem.code,
        in: problem.status,
      },
      { status, type: /^application\/problem\+json/, code, in: status },
      `${name}: ${status} ${code}: ${problem.detail}`,
    );
    t.match(answer.headers.get('x-request-id'), /./, `${name}: can be found in the log`);
    if (fault !== undefined)
      t.ok(
        problem.errors?.some(({ path }) => path === fault),
        `${name}: at “${fault}”`,
      );
    await besieged.unharmed(t, name);
  }
});

t.test('what is only just allowed is taken as it is', async (t) => {
  const besieged = await besiege(t);
  const { parlor } = besieged;
  const good: [name: string, body: { text: string; user?: string }][] = [
    ['2,048 characters', { text: 'x'.repeat(2048) }],
    ['2,048 characters of four bytes', { text: '😀'.repeat(2048) }],
    ['what looks like code', { text: `'; DROP TABLE messages; -- <script>alert(1)</script> {{7*7}} %s` }],
    ['text from right to left, accents, joiners', { text: 'שלום e\u0301 👩‍👩‍👧‍👦 \u202e' }],
    ['a user of 64 characters', { text: 'Hello', user: 'ü'.repeat(64) }],
    ['a user named after a field of every object', { text: 'Hello', user: '__proto__' }],
  ];
  for (const [name, body] of good) {
    const answer = await parlor.post('elsewhere', body);
    t.equal(answer.status, 201, name);
    t.match(await answer.json(), body, name);
  }
  const room = 'r'.repeat(64);
  t.equal((await parlor.post(room, { text: '  trimmed \n' })).status, 201, 'a room id of 64 characters');
  t.match(await (await parlor.get(`/api/rooms/${room}/messages`)).json(), {
    messages: [{ text: 'trimmed' }],
  });
  t.equal((await parlor.post('__proto__', { text: 'Hello' })).status, 201, 'a room named __proto__');
  await besieged.unharmed(t, 'what is allowed');
});
