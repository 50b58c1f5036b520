import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { attempt } from './support/chat.js';
import { schemaFault, type Schema } from './support/json-schema.js';
import { readOpenApi } from './support/openapi.js';

interface AsyncApi {
  readonly asyncapi: string;
  readonly channels: {
    readonly updates: {
      readonly address: string;
      readonly messages: Readonly<Record<string, { readonly payload: Schema }>>;
    };
  };
  readonly operations: Readonly<
    Record<'send' | 'receive', { readonly messages: readonly { readonly $ref: string }[] }>
  >;
}

const ROOM = '/api/rooms/{room_id}';
/** Every call of the API: as the document has it, and one that is made, with what it is answered. */
const CALLS: readonly (readonly [
  method: string,
  path: string,
  url: string,
  body: unknown,
  status: number,
])[] = [
  ['put', ROOM, '/api/rooms/fresh', { capacity: 5 }, 201],
  ['put', ROOM, '/api/rooms/doc', { capacity: 6 }, 200],
  ['put', ROOM, '/api/rooms/doc', { capacity: 0 }, 400],
  ['post', `${ROOM}/messages`, '/api/rooms/doc/messages', { text: 'Hello', user: 'alice' }, 201],
  ['post', `${ROOM}/messages`, '/api/rooms/doc/messages', { text: 'from a service' }, 201],
  ['post', `${ROOM}/messages`, '/api/rooms/doc/messages', { text: '' }, 400],
  ['post', `${ROOM}/messages`, '/api/rooms/direct:doc/messages', { text: 'Hello' }, 403],
  ['get', `${ROOM}/messages`, '/api/rooms/doc/messages?limit=1', undefined, 200],
  ['get', `${ROOM}/messages`, '/api/rooms/none/messages', undefined, 404],
  ['get', `${ROOM}/stream`, '/api/rooms/doc/stream?user=bob', undefined, 200],
  ['get', `${ROOM}/stream`, '/api/rooms/doc/stream?since=x', undefined, 400],
  ['get', '/api/messages/{id}', '/api/messages/<id>', undefined, 200],
  ['get', '/api/messages/{id}', `/api/messages/${randomUUID()}`, undefined, 404],
  ['get', '/api/rooms', '/api/rooms?limit=1', undefined, 200],
  ['get', ROOM, '/api/rooms/doc', undefined, 200],
  ['get', ROOM, '/api/rooms/none', undefined, 404],
  ['get', '/api/events', '/api/events', undefined, 200],
  ['get', '/api/events', '/api/events?room_id=doc', undefined, 200],
  ['get', '/api/events', '/api/events?room_id=none&after=0&wait=10', undefined, 200],
  ['get', '/api/events', '/api/events?wait=10', undefined, 400],
  ['get', '/api/events/{event_id}', '/api/events/<id>', undefined, 200],
  ['delete', `${ROOM}/members/{user}`, '/api/rooms/doc/members/nobody', undefined, 404],
  ['delete', `${ROOM}/members/{user}`, '/api/rooms/doc/members/alice', undefined, 204],
  ['delete', ROOM, '/api/rooms/doc', undefined, 204],
  ['get', '/api/events', '/api/events?room_id=doc&limit=200', undefined, 200],
  ['delete', ROOM, '/api/rooms/none', undefined, 404],
  ['put', '/api/revocations/users/{user}', '/api/revocations/users/alice', undefined, 200],
  ['put', '/api/revocations/users/{user}', '/api/revocations/users/alice', { until: 'soon' }, 400],
  [
    'put',
    '/api/revocations/tokens/{token_id}',
    '/api/revocations/tokens/t1',
    { until: '2030-01-01T00:00:00Z' },
    200,
  ],
  ['get', '/api/revocations', '/api/revocations', undefined, 200],
  ['delete', '/api/revocations/users/{user}', '/api/revocations/users/alice', undefined, 204],
  ['delete', '/api/revocations/users/{user}', '/api/revocations/users/alice', undefined, 404],
  ['delete', '/api/revocations/tokens/{token_id}', '/api/revocations/tokens/t1', undefined, 204],
  ['delete', '/api/revocations/tokens/{token_id}', '/api/revocations/tokens/t1', undefined, 404],
  ['delete', '/api/users/{user}/connections', '/api/users/alice/connections', undefined, 204],
  ['get', '/health', '/health', undefined, 200],
  ['get', '/health/ready', '/health/ready', undefined, 200],
  ['get', '/metrics', '/metrics', undefined, 200],
  ['get', '/api/asyncapi.json', '/api/asyncapi.json', undefined, 200],
];

t.test('openapi.json has every call, and every answer is what it says', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const document = await readOpenApi(parlor);
  t.match(document, { openapi: /^3\.1\./, info: { title: 'Parlor', version: String } });
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  );
  t.same(described.sort(), [...new Set(CALLS.map(([method, path]) => `${method} ${path}`))].sort());

  t.equal(await attempt(parlor.open('doc', 'user=alice')), 'welcome');
  let id = '';
  for (const [method, path, url, body, status] of CALLS) {
    const operation = document.paths[path]?.[method];
    const answer = await parlor.send(method.toUpperCase(), url.replace('<id>', id), body);
    const call = `${method} ${url} → ${status}`;
    t.equal(answer.status, status, call);
    t.ok(operation?.operationId && operation.summary && operation.tags?.length, `${path} says what it does`);
    const placeholders = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name);
    const parameters =
      operation?.parameters?.filter((one) => one.in === 'path').map(({ name }) => name) ?? [];
    t.same(parameters.sort(), placeholders.sort(), `${path} describes its parameters`);
    const said = operation?.responses[String(status)];
    t.ok(said?.description, `${call} is in the document`);
    for (const later of ['408', '429', '503'])
      t.ok(
        operation?.responses[later]?.headers?.['retry-after'] ?? !operation?.responses[later],
        `${later} says when to come again`,
      );
    const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
    if (!type.includes('json') || path.endsWith('.json')) continue;
    const schema = said?.content?.[type]?.schema;
    const value = (await answer.json()) as { id?: string };
    if (status === 201 && value.id !== undefined) id = value.id;
    t.equal(schema && schemaFault(schema, value), null, `${call} is as described`);
  }
});

t.test('asyncapi.json has every frame, and what comes over a WebSocket is as it says', async (t) => {
  const parlor = await startParlor({ GRACE_MS: '0', PRESENCE_LIMIT: '2' });
  t.teardown(() => parlor.end());
  const document = (await (await parlor.get('/api/asyncapi.json')).json()) as AsyncApi;
  const { address, messages } = document.channels.updates;
  t.match(document.asyncapi, /^3\./);
  t.equal(address, '/ws/updates/{room_id}');
  for (const side of ['send', 'receive'] as const) {
    for (const { $ref } of document.operations[side].messages) {
      t.ok(messages[$ref.replace('#/channels/updates/messages/', '')], `${side}: ${$ref} is there`);
    }
  }
  const alice = await parlor.join('frames', 'user=alice&since=0');
  const bob = await parlor.join('frames', 'user=bob');
  alice.send({ type: 'post', text: 'Hello' });
  alice.send({ type: 'typing' });
  alice.send({ type: 'ping' });
  alice.send({ type: 'refresh', token: 'any, as none is required' });
  alice.send({ type: 'no such frame' });
  await parlor.send('PUT', '/api/rooms/frames', { capacity: 3 });
  // With three the room is too large to name its members; when one has left, it is not any more.
  const erin = await parlor.join('frames', 'user=erin');
  await erin.close();
  await alice.next('members');
  await bob.close();
  await alice.next('left');
  await parlor.join('frames', 'user=carol');
  await parlor.send('DELETE', '/api/rooms/frames/members/carol');
  await alice.next('member_kicked');
  await parlor.send('DELETE', '/api/rooms/frames');
  await alice.closed;
  await parlor.send('PUT', '/api/rooms/frames', {});
  const dave = await parlor.join('frames', 'user=dave&since=0');
  await dave.next('room_opened');
  const frames = [...alice.frames, ...dave.frames];
  for (const frame of frames) {
    const schema = messages[`server_${frame.type}`]?.payload;
    t.equal(schema && schemaFault(schema, frame), null, `${frame.type} is as described`);
  }
  const seen = new Set(frames.map(({ type }) => `server_${type}`));
  const missing = Object.keys(messages).filter((name) => name.startsWith('server_') && !seen.has(name));
  t.same(missing, ['server_queued'], 'each frame has been seen, but the one that needs RabbitMQ');
  for (const frame of [{ type: 'post', text: 'Hello' }, { type: 'typing' }, { type: 'ping' }]) {
    const schema = messages[`client_${frame.type}`]?.payload;
    t.equal(schema && schemaFault(schema, frame), null, `${frame.type} of a client is as described`);
  }
});
