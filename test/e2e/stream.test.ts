import t from 'tap';
import { openEventStream, type StreamClient } from '../support/event-stream.js';
import { startParlor, type Frame, type Parlor } from '../support/parlor.js';
import { ALL_RIGHTS, inSeconds, JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { oneTo, readRoom } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';

t.setTimeout(180_000);

function stream(parlor: Parlor, room: string, query: string, headers: Record<string, string> = {}) {
  return openEventStream(`${parlor.http}/api/rooms/${room}/stream?${query}`, { headers });
}

async function join(parlor: Parlor, room: string, query: string): Promise<StreamClient> {
  const client = stream(parlor, room, query);
  await client.count('welcome', 1);
  return client;
}

const seqs = (frames: readonly Frame[]): unknown[] => frames.map(({ seq }) => seq);

async function refusal(client: StreamClient): Promise<{ status: number; body: Record<string, unknown> }> {
  const { status } = await client.answer;
  await client.closed;
  return { status, body: JSON.parse(client.text()) as Record<string, unknown> };
}

t.test('a stream takes a seat, gets every frame, and gives its seat back', async (t) => {
  const parlor = await startParlor({ GRACE_MS: '0' });
  t.teardown(() => parlor.end());
  const alice = await join(parlor, '42', 'user=alice');
  const { status, headers } = await alice.answer;
  t.equal(status, 200);
  t.match(headers, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-request-id': /./,
  });
  t.equal(alice.reader.retryMs, 1_000);
  const bob = await parlor.join('42', 'user=bob');
  t.match(await alice.count('joined', 1), [{ user: 'bob' }]);
  t.match(bob.of('welcome'), [{ members: ['alice', 'bob'] }]);
  const posted = await parlor.post('42', { text: 'Hello', user: 'alice' });
  t.equal(posted.status, 201, 'the way up is a POST');
  const [message] = await alice.count('message', 1);
  t.same(message, await bob.next('message'), 'the same frame as on a WebSocket');
  t.equal(alice.lastId(), '1', 'its seq is the id');
  bob.send({ type: 'typing' });
  t.match(await alice.count('typing', 1), [{ user: 'bob' }]);
  t.equal(alice.lastId(), '1', 'what has no seq leaves the id as it was');
  const now = await metrics(parlor);
  t.equal(now('parlor_connections'), 2);
  t.equal(now('parlor_streams'), 1);
  t.equal(now('parlor_http_requests_total{method="GET",route="/api/rooms/:room_id/stream",status="200"}'), 1);
  await alice.cut();
  t.match(await bob.next('left'), { user: 'alice' });
  await untilMetric(parlor, 'parlor_streams', 0);
  const line = parlor.logs.filter(({ msg, user }) => msg === 'connection' && user === 'alice');
  t.match(line, [{ room_id: '42', code: 1006, ip: '127.0.0.1' }], 'one line, when it is over');
});

t.test('who comes back with Last-Event-ID has missed nothing', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const room = 'channel:back';
  const seen: unknown[] = [];
  let lastId = '';
  let cuts = 0;
  let isPosting = true;
  const posting = (async () => {
    for (const n of oneTo(300)) await parlor.post(room, { text: String(n), user: 'bob' });
    isPosting = false;
  })();
  while (isPosting || seen.length < 300) {
    // The address is that of the first time, as a browser has it.
    const headers: Record<string, string> = lastId === '' ? {} : { 'last-event-id': lastId };
    const client = stream(parlor, room, 'user=alice&since=0', headers);
    await client.count('welcome', 1);
    await client.count('message', Math.min(7, 300 - seen.length));
    await client.cut();
    cuts++;
    seen.push(...seqs(client.of('message')));
    lastId = client.lastId();
  }
  await posting;
  t.same(seen, oneTo(300), `over ${cuts} connections`);
  t.ok(cuts > 20);
  const other = await join(parlor, room, 'user=carol');
  await other.cut();
  t.equal(other.lastId(), '300', 'a welcome after which nothing is missed has an id');
  await parlor.post(room, { text: 'meanwhile' });
  const again = stream(parlor, room, 'user=carol', { 'last-event-id': other.lastId() });
  t.same(seqs(await again.count('message', 1)), [301]);
  const recovered = stream(parlor, room, 'user=dora&since=300');
  t.match(await recovered.count('welcome', 1), [{ recovered: true }]);
  await recovered.count('message', 1);
  t.equal(recovered.reader.events[0]?.id, '', 'one before which something is missed has none');
});

t.test('no text and no name can break an event', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const room = 'channel:lines';
  const breaks = ['\n', '\r', '\r\n', '\n\n', '\u2028', '\u2029', '\u0085', '\v', '\f'];
  const alice = await join(parlor, room, 'user=alice');
  const texts = breaks.flatMap((one) => [
    `a${one}b`,
    `${one}data: x${one}${one}event: end${one}data: {"code":1012}${one}${one}z`,
    `z${one}id: 99${one}retry: 1${one}:`,
  ]);
  for (const text of texts) t.equal((await parlor.post(room, { text, user: 'bob' })).status, 201);
  const names = ['x\u2028y', 'a: b', ': c', 'data: d', 'ü€😀'];
  for (const name of names) {
    const answer = await parlor.post(room, { text: 'named', user: name });
    if (answer.status !== 201) t.equal(answer.status, 400, `${encodeURIComponent(name)} is no name`);
  }
  await parlor.post(room, { text: 'last', user: 'bob' });
  await until(() => alice.of('message').some(({ text }) => text === 'last'), { what: 'the last text' });
  const came = alice.of('message').map(({ text }) => text);
  t.same(
    came.slice(0, texts.length),
    texts.map((text) => text.trim()),
    'each text as it was',
  );
  t.same(new Set(alice.reader.events.map(({ type }) => type)), new Set(['message']));
  t.equal(alice.lastId(), String(came.length));
  t.equal(alice.reader.retryMs, 1_000);
});

t.test('who is not let in has a status, and no stream', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  await join(parlor, '42', 'user=alice');
  await parlor.join('42', 'user=bob');
  const full = stream(parlor, '42', 'user=carol');
  t.match(await refusal(full), { status: 409, body: { code: 'room_full', retry_after_ms: 5_000 } });
  t.equal((await full.answer).headers['retry-after'], '5');
  await parlor.send('DELETE', '/api/rooms/gone');
  await parlor.post('gone', { text: 'x' });
  await parlor.send('DELETE', '/api/rooms/gone');
  t.match(await refusal(stream(parlor, 'gone', 'user=x')), { status: 410, body: { code: 'room_closed' } });
  await parlor.send('PUT', '/api/rooms/shut', { creation: 'explicit' });
  for (const [query, headers] of [
    ['user=x&since=-1', {}],
    ['user=x&since=1.5', {}],
    ['user=x&since=', {}],
    ['user=x', { 'last-event-id': '01' }],
    ['user=x', { 'last-event-id': '9007199254740993' }],
    ['user=x', { 'last-event-id': 'x' }],
    ['user=x&resume=y', {}],
    ['user=', {}],
    ['user=x&other=1', {}],
    ['resume=nonsense', {}],
  ] as const) {
    const { status, body } = await refusal(stream(parlor, 'free', query, headers));
    t.equal(status, 400, `${query} ${JSON.stringify(headers)}: ${String(body['detail'])}`);
  }
  t.equal((await parlor.send('HEAD', '/api/rooms/42/stream')).status, 405, 'a HEAD takes no seat');
  const now = await metrics(parlor);
  t.equal(now('parlor_refusals_total{code="room_full"}'), 1, 'counted once');
  t.equal(now('parlor_streams'), 1);
  t.equal((await readRoom(parlor, '42')).member_count, 2);
});

t.test('a guest comes back as the same guest', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const guest = await join(parlor, 'channel:guests', '');
  const [welcome] = guest.of('welcome');
  await guest.cut();
  const again = await join(parlor, 'channel:guests', `resume=${String(welcome?.['resume'])}`);
  t.equal(again.of('welcome')[0]?.['user'], welcome?.['user']);
});

t.test('a stream ends as a WebSocket does: with an error, and then its code', async (t) => {
  const parlor = await startParlor({ ...JWT_ENV, GRACE_MS: '0' });
  t.teardown(() => parlor.end());
  const rooms = [{ room: '*', may: ALL_RIGHTS }];
  const service = { authorization: `Bearer ${await token({ sub: 'office', scope: 'service' })}` };
  const enter = async (sub: string, claims: object = {}, room = 'channel:ends') =>
    join(parlor, room, `access_token=${await token({ sub, rooms, ...claims })}`);
  const last = (client: StreamClient): unknown => client.of('error').at(-1)?.['code'];

  const kicked = await enter('alice');
  await parlor.send('DELETE', '/api/rooms/channel:ends/members/alice', undefined, service);
  t.same(await kicked.closed, { code: 4403, reason: 'forbidden' });
  t.equal(last(kicked), 'forbidden');

  const ends = inSeconds(2);
  const expired = await enter('bob', { exp: ends });
  t.same(await expired.closed, { code: 4401, reason: 'unauthorized' });
  const lateMs = Date.now() - ends * 1_000;
  t.ok(lateMs >= 0 && lateMs < 1_500, `${Math.round(lateMs)} ms after its token`);
  t.match(expired.of('error'), [{ code: 'unauthorized', retry: false }]);

  const revoked = await enter('carol', { jti: 'one' });
  const began = performance.now();
  await parlor.send('PUT', '/api/revocations/tokens/one', undefined, service);
  t.same(await revoked.closed, { code: 4401, reason: 'unauthorized' });
  t.ok(performance.now() - began < 1_000, 'within a second');

  const disconnected = await enter('dora');
  await parlor.send('DELETE', '/api/users/dora/connections', undefined, service);
  t.same(await disconnected.closed, { code: 4401, reason: 'unauthorized' });

  const closed = await enter('eve');
  await parlor.send('DELETE', '/api/rooms/channel:ends', undefined, service);
  t.same(await closed.closed, { code: 4410, reason: 'room_closed' });
  t.equal(closed.of('room_closed').length, 1, 'after the event');

  const secret = await token({ sub: 'frank', rooms });
  const header = openEventStream(`${parlor.http}/api/rooms/other/stream`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  await header.count('welcome', 1);
  await header.cut();
  const both = openEventStream(`${parlor.http}/api/rooms/other/stream?access_token=${secret}`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  t.equal((await both.answer).status, 400, 'a token stands in one place');
  await until(() => parlor.logs.some(({ user }) => user === 'frank'), { what: 'the line about frank' });
  t.notOk(JSON.stringify(parlor.logs).includes(secret.slice(-20)), 'no token is in the log');
});

t.test('a page of a listed origin may read a stream, and no other', async (t) => {
  const parlor = await startParlor({ ORIGINS: 'https://chat.example' });
  t.teardown(() => parlor.end());
  const from = (origin: string) => stream(parlor, '42', 'user=alice', { origin });
  const listed = from('https://chat.example');
  t.match(await listed.answer, {
    status: 200,
    headers: { 'access-control-allow-origin': 'https://chat.example', vary: /Origin/i },
  });
  await listed.cut();
  t.match(await refusal(from('https://evil.example')), { status: 403, body: { code: 'forbidden' } });
});

t.test('a quiet stream gets a comment now and then', async (t) => {
  const parlor = await startParlor({ PING_S: '1' });
  t.teardown(() => parlor.end());
  const alice = await join(parlor, '42', 'user=alice');
  await until(() => alice.reader.comments >= 3, { what: 'three comments' });
  t.equal(alice.of('welcome').length, alice.frames.length, 'which is no frame');
});

t.test('streams count as connections', async (t) => {
  const parlor = await startParlor({
    MAX_CONNECTIONS: '4',
    CONNECTIONS_PER_USER: '2',
    CONNECTIONS_PER_ADDRESS: '3',
    JOINS_PER_ADDRESS: '0',
  });
  t.teardown(() => parlor.end());
  const room = 'channel:limits';
  const one = await join(parlor, room, 'user=alice');
  await parlor.join(room, 'user=alice');
  const third = stream(parlor, room, 'user=alice');
  t.match(await refusal(third), {
    status: 429,
    body: { code: 'rate_limited', detail: /you have 2 connections/, retry_after_ms: 5_000 },
  });
  await parlor.join(room, 'user=bob');
  t.match(await refusal(stream(parlor, room, 'user=carol')), {
    status: 429,
    body: { detail: /your address has 3 connections/ },
  });
  await one.cut();
  await until(
    async () => {
      const client = stream(parlor, room, 'user=carol');
      const { status } = await client.answer;
      if (status !== 200) await client.closed;
      return status === 200;
    },
    { what: 'its place to be free' },
  );
  const now = await metrics(parlor);
  t.equal(now('parlor_limited_total{limit="connections_per_user"}'), 1);
});

t.test('twenty streams and twenty WebSockets in a room see the same, in the same order', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const room = 'channel:both';
  const sockets = await Promise.all(oneTo(20).map((n) => parlor.join(room, `user=w${n}`)));
  const streams = await Promise.all(oneTo(20).map((n) => join(parlor, room, `user=s${n}`)));
  await Promise.all([...sockets, ...streams].map((client) => client.count('message', 0)));
  const posters = sockets.slice(0, 5);
  for (let round = 0; round < 40; round++) {
    for (const one of posters) {
      one.send({ type: 'post', text: `round ${round}` });
      one.send({ type: 'typing' });
    }
    await Promise.all(posters.map((one) => one.count('ack', round + 1)));
  }
  const all = await Promise.all([...sockets, ...streams].map((client) => client.count('message', 200)));
  for (const messages of all) t.strictSame(seqs(messages), oneTo(200));
  const live = (frames: readonly Frame[]): Frame[] =>
    frames.slice(frames.findIndex(({ type, text }) => type === 'message' && text === 'round 0'));
  const own = new Set(['ack', 'error', 'pong']);
  const [first, ...others] = [...sockets.slice(5), ...streams].map((client) =>
    live(client.frames).filter(({ type }) => !own.has(type)),
  );
  const upTo = Math.min(...[first, ...others].map((frames) => frames?.length ?? 0));
  for (const frames of others)
    t.strictSame(frames.slice(0, upTo), first?.slice(0, upTo), 'also what has no seq');
});

/** Far more than what the systems on both sides hold back. */
const POSTS = 6_000;

for (const others of [1, 10])
  t.test(`of ${others + 1}, a stream that is not read costs the others nothing, and ends`, async (t) => {
    const parlor = await startParlor({ MAX_BUFFERED_BYTES: '65536' });
    t.teardown(() => parlor.end('SIGKILL'));
    const room = 'channel:slow';
    const slow = await join(parlor, room, 'user=slow');
    const quick = await parlor.join(room, 'user=quick');
    for (const n of oneTo(others - 1)) await parlor.join(room, `user=u${n}`);
    slow.pause();
    const text = 'x'.repeat(2_000);
    for (let sent = 0; sent < POSTS; sent += 100) {
      for (let i = 0; i < 100; i++) quick.send({ type: 'post', text });
      await quick.count('ack', sent + 100);
    }
    t.strictSame(seqs(await quick.count('message', POSTS)), oneTo(POSTS));
    slow.resume();
    const end = await slow.closed;
    await untilMetric(parlor, 'parlor_refusals_total{code="slow_consumer"}', 1);
    const got = seqs(slow.of('message'));
    t.strictSame(got, oneTo(got.length), `${got.length} messages without a gap`);
    t.ok(got.length < POSTS);
    // Who reads again soon is told why.
    if (end !== null) t.same(end, { code: 4508, reason: 'slow_consumer' });
    t.comment(`its end: ${JSON.stringify(end)}`);
    const back = stream(parlor, room, 'user=slow', { 'last-event-id': String(POSTS - 3) });
    t.same(seqs(await back.count('message', 3)), [POSTS - 2, POSTS - 1, POSTS]);
  });

t.test('who missed 1,000 long messages and reads slowly gets them all, and stays', async (t) => {
  const parlor = await startParlor({ MAX_BUFFERED_BYTES: '65536' });
  t.teardown(() => parlor.end('SIGKILL'));
  const room = 'channel:back';
  const quick = await parlor.join(room, 'user=quick');
  for (let sent = 0; sent < 1_000; sent += 100) {
    for (let i = 0; i < 100; i++) quick.send({ type: 'post', text: '€'.repeat(2_000) });
    await quick.count('ack', sent + 100);
  }
  const slow = stream(parlor, room, 'user=slow&since=0');
  await slow.answer;
  slow.pause();
  for (let i = 0; i < 20; i++) quick.send({ type: 'post', text: 'x'.repeat(2_000) });
  await quick.count('ack', 1_020);
  slow.resume();
  t.strictSame(seqs(await slow.count('message', 1_020)), oneTo(1_020));
  t.match(slow.of('welcome'), [{ recovered: true }]);
  await parlor.post(room, { text: 'live' });
  await slow.count('message', 1_021);
});

t.test('a node that goes down ends streams, and says when to come back', async (t) => {
  const parlor = await startParlor();
  const clients = await Promise.all(oneTo(30).map((n) => join(parlor, 'channel:down', `user=u${n}`)));
  const ended = parlor.end('SIGTERM');
  for (const client of clients) {
    t.same(await client.closed, { code: 1012, reason: 'service_restart' });
    const [error] = client.of('error');
    t.match(error, { code: 'unavailable', retry: true });
    t.equal(client.reader.retryMs, error?.['retry_after_ms'], 'a browser waits as long');
  }
  t.equal(await ended, 0);
});
