import { randomBytes } from 'node:crypto';
import t from 'tap';
import { WebSocket } from 'ws';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { attempt, readRoom } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';
import { exchange, openRaw } from './support/raw.js';

const KEY = randomBytes(16).toString('base64');

/** A handshake with some of its headers changed; null leaves one out. */
function handshake(
  changes: Readonly<Record<string, string | null>>,
  line = 'GET /ws/updates/door?user=mallory',
): string {
  const headers = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}`],
  );
  return `${[`${line} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}

const BAD: readonly (readonly [name: string, changes: Record<string, string | null>, status: number])[] = [
  ['no Upgrade', { Upgrade: null }, 426],
  ['another protocol in Upgrade', { Upgrade: 'h2c' }, 426],
  ['a word that only begins alike', { Upgrade: 'websockets' }, 426],
  ['no Connection', { Connection: null }, 400],
  ['a Connection that does not name Upgrade', { Connection: 'keep-alive' }, 400],
  ['no version', { 'Sec-WebSocket-Version': null }, 426],
  ['an old version', { 'Sec-WebSocket-Version': '8' }, 426],
  ['a version to come', { 'Sec-WebSocket-Version': '14' }, 426],
  ['no key', { 'Sec-WebSocket-Key': null }, 400],
  ['an empty key', { 'Sec-WebSocket-Key': '' }, 400],
  ['24 characters that are no base64', { 'Sec-WebSocket-Key': '!'.repeat(24) }, 400],
  ['24 characters without padding', { 'Sec-WebSocket-Key': 'A'.repeat(24) }, 400],
  ['a key of 17 bytes', { 'Sec-WebSocket-Key': randomBytes(17).toString('base64') }, 400],
  ['a key of 15 bytes', { 'Sec-WebSocket-Key': randomBytes(15).toString('base64') }, 400],
  ['a key with bits left over', { 'Sec-WebSocket-Key': `${'A'.repeat(21)}B==` }, 400],
  [
    'nothing but a key',
    { Upgrade: null, Connection: null, 'Sec-WebSocket-Version': null, 'Sec-WebSocket-Key': 'x'.repeat(24) },
    426,
  ],
  [
    'no handshake at all',
    { Upgrade: null, Connection: null, 'Sec-WebSocket-Version': null, 'Sec-WebSocket-Key': null },
    426,
  ],
];

t.test('a handshake that is none is refused with what is wrong, and takes no seat', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  await parlor.join('door', 'user=alice');
  for (const [name, changes, status] of BAD) {
    const answer = await exchange(parlor.port, handshake({ ...changes, 'X-Request-Id': 'mine' }));
    t.equal(answer?.status, status, `${name}: ${status}`);
    t.match(answer?.headers, {
      'content-type': 'application/problem+json',
      'x-request-id': 'mine',
      ...(status === 426 ? { 'sec-websocket-version': '13', upgrade: 'websocket' } : {}),
    });
    const code = status === 426 ? 'upgrade_required' : 'bad_request';
    t.match(JSON.parse(answer?.body ?? ''), { status, code, detail: /Sec-WebSocket|Upgrade/ });
  }
  const posted = await exchange(
    parlor.port,
    handshake({ 'Content-Length': '0' }, 'POST /ws/updates/door?user=mallory'),
  );
  t.equal(posted?.status, 405, 'a POST opens nothing');
  t.equal((await metrics(parlor))('parlor_connections'), 1);
  t.same((await readRoom(parlor, 'door')).members, ['alice'], 'the other seat is free');
  const value = await metrics(parlor);
  const count = (status: number): number => BAD.filter((one) => one[2] === status).length;
  t.equal(value('parlor_refusals_total{code="upgrade_required"}'), count(426), 'they are counted');
  t.equal(value('parlor_refusals_total{code="bad_request"}'), count(400));
  const lines = parlor.logs.filter(
    ({ msg, request_id }) => msg === 'connection refused' && request_id === 'mine',
  );
  t.equal(lines.length, BAD.length, 'and logged');
});

t.test('no control character of an address reaches the log', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  // C1 controls in UTF-8: a terminal may take the second for the beginning of a command.
  await exchange(parlor.port, handshake({}, 'GET /ws/updates/\u0085\u009b31mdoor?user=mallory'));
  const line = () => parlor.logs.find(({ msg }) => msg === 'connection refused');
  await until(() => line() !== undefined, { what: 'the line' });
  t.equal(line()?.['path'], '/ws/updates/%C2%85%C2%9B31mdoor');
});

const GOOD: readonly (readonly [name: string, changes: Record<string, string>])[] = [
  ['as everybody sends it', {}],
  ['in other letters', { Upgrade: 'WebSocket', Connection: 'upgrade' }],
  ['as Firefox sends it', { Connection: 'keep-alive, Upgrade' }],
  ['with more protocols', { Upgrade: 'h2c, websocket' }],
  ['with every sign of base64', { 'Sec-WebSocket-Key': '+/+/+/+/+/+/+/+/+/+/+w==' }],
];

t.test('every handshake that RFC 6455 allows is taken', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  for (const [name, changes] of GOOD) {
    const answer = await exchange(parlor.port, handshake(changes));
    t.equal(answer?.status, 101, name);
    t.notOk(answer?.headers['sec-websocket-protocol']);
    await untilMetric(parlor, 'parlor_connections', 0);
  }
});

t.test('the subprotocol parlor.v1 is chosen if it is offered, and none if only others are', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  for (const [offered, chosen] of [
    ['parlor.v1', 'parlor.v1'],
    ['graphql-ws, parlor.v1,mqtt', 'parlor.v1'],
    ['graphql-ws', undefined],
    ['PARLOR.V1', undefined],
    ['parlor.v12', undefined],
  ] as const) {
    const answer = await exchange(parlor.port, handshake({ 'Sec-WebSocket-Protocol': offered }));
    t.equal(answer?.status, 101, offered);
    t.equal(answer?.headers['sec-websocket-protocol'], chosen, `${offered}: ${chosen}`);
  }
  const socket = new WebSocket(`ws://127.0.0.1:${parlor.port}/ws/updates/offered?user=alice`, [
    'parlor.v1',
    'other',
  ]);
  await until(() => socket.readyState === WebSocket.OPEN, { what: 'a client that checks it to be in' });
  t.equal(socket.protocol, 'parlor.v1');
  socket.terminate();
});

t.test('a trailing slash is ignored, and another address is told what is wrong with it', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  t.equal(await attempt(parlor.open('slash/', 'user=alice')), 'welcome');
  t.same((await readRoom(parlor, 'slash')).members, ['alice'], 'it is the room without the slash');
  for (const [path, code, message] of [
    ['/ws/updates/', 'bad_request', /room id is missing.*\/ws\/updates\/{room_id}/],
    ['/ws/updates', 'bad_request', /room id is missing/],
    ['/ws/updates/a/b', 'bad_request', /"a\/b" is more than a room id/],
    ['/ws/updates/a//', 'bad_request', /more than a room id/],
    ['/ws/rooms/42', 'not_found', /nothing at \/ws\/rooms\/42: WebSockets are at \/ws\/updates\/{room_id}/],
    ['/ws/updatesx', 'not_found', /WebSockets are at .*, and at \/ws for many rooms/],
    ['/ws/updates/caf%C3%A9', 'bad_request', /room id must be/],
  ] as const) {
    const lost = await openRaw(parlor.port, `${path}?user=mallory`);
    t.match(await lost.told('error'), { code, message }, path);
    await lost.ended();
  }
  for (const path of ['/ws', '/ws/']) {
    const many = await openRaw(parlor.port, `${path}?user=alice`);
    t.match(await many.told('hello'), { user: 'alice' }, path);
  }
});
