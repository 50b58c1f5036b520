import t, { type Test } from 'tap';
import { startParlor, type Client, type Env, type Parlor } from '../support/parlor.js';
import { ALL_RIGHTS, JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { attempt, oneTo } from './support/chat.js';
import { metrics, parseMetrics, untilMetric } from './support/metrics.js';
import { openRaw } from './support/raw.js';

/** Another address of this machine: a client that others must not be confused with. */
const ELSEWHERE = { localAddress: '127.0.0.2' };

async function start(t: Test, env: Env): Promise<Parlor> {
  const parlor = await startParlor(env);
  t.teardown(() => parlor.end());
  return parlor;
}

/** What somebody is told who is one too many. */
async function turnedAway(client: Client): Promise<{ code: number; told: Client['frames'] }> {
  const { code } = await client.closed;
  return { code, told: client.frames };
}

/** How often a limit was met, by the limit. */
async function limited(parlor: Parlor, limit: string, headers = {}): Promise<number> {
  const text = await (await parlor.send('GET', '/metrics', undefined, headers)).text();
  return parseMetrics(text)(`parlor_limited_total{limit="${limit}"}`);
}

/** Resolves when somebody may come in again: a place is free when the node has noticed that its client has gone. */
async function comesIn(open: () => Client): Promise<void> {
  await until(async () => (await attempt(open())) === 'welcome', { what: 'a place to be free' });
}

t.test('of many who come at once all get in, and what they send meanwhile is answered', async (t) => {
  const parlor = await start(t, {});
  const clients = oneTo(200).map((n) => {
    const client = parlor.open(`channel:${n % 7}`, `user=user-${n}`);
    // Before it is welcomed.
    client.socket.once('open', () => client.send({ type: 'ping' }));
    return client;
  });
  await Promise.all(clients.flatMap((client) => [client.next('welcome'), client.next('pong')]));
  await untilMetric(parlor, 'parlor_connections', 200);
  await Promise.all(clients.map((client) => client.close()));
  await untilMetric(parlor, 'parlor_connections', 0);
});

t.test('an address has as many connections as it may, and others are not affected', async (t) => {
  const parlor = await start(t, { CONNECTIONS_PER_ADDRESS: '3' });
  const three = await Promise.all(oneTo(3).map((n) => parlor.join(`channel:${n}`, `user=user-${n}`)));
  for (let again = 0; again < 3; again++) {
    const { code, told } = await turnedAway(parlor.open('channel:1', 'user=mallory'));
    t.equal(code, 4429);
    t.match(told, [
      {
        type: 'error',
        code: 'rate_limited',
        message: /3 connections.*close one/,
        retry: true,
        retry_after_ms: 5_000,
      },
    ]);
  }
  t.equal(await limited(parlor, 'connections_per_address'), 3);
  t.equal((await metrics(parlor))('parlor_refusals_total{code="rate_limited"}'), 3);
  t.equal(await attempt(parlor.open('channel:1', 'user=bob', ELSEWHERE)), 'welcome', 'from another address');
  t.equal((await parlor.post('channel:1', { text: 'Hello' })).status, 201, 'and over HTTP');
  await three[0]?.next('message');
  const line = parlor.logs.find(({ msg }) => msg === 'connection refused');
  t.match(line, { ip: '127.0.0.1', code: 'rate_limited', limit: 'connections_per_address' });
  await three[0]?.close();
  await comesIn(() => parlor.open('channel:1', 'user=user-1'));
});

t.test(
  'who is closed for going on although refused pauses before coming back, and nobody else does',
  async (t) => {
    const parlor = await start(t, { FRAMES_PER_CONNECTION: '10', ABUSE_PAUSE_MS: '3000' });
    const [alice, other, bob] = await Promise.all([
      parlor.join('channel:1', 'user=alice'),
      parlor.join('channel:2', 'user=alice'),
      parlor.join('channel:1', 'user=bob'),
    ]);
    for (let i = 0; i < 300; i++) alice.send({ type: 'ping' });
    t.equal((await alice.closed).code, 4429);
    t.match(alice.frames.at(-1), { type: 'error', code: 'rate_limited', retry: true, retry_after_ms: 3_000 });
    const { code, told } = await turnedAway(parlor.open('channel:3', 'user=alice'));
    t.equal(code, 4429);
    t.match(told, [{ type: 'error', code: 'rate_limited', message: /alice.*abuse/, retry: true }]);
    const retryAfterMs = told[0]?.['retry_after_ms'];
    t.ok(
      typeof retryAfterMs === 'number' && retryAfterMs > 0 && retryAfterMs <= 3_000,
      `${String(retryAfterMs)} ms`,
    );
    t.equal(await limited(parlor, 'abuse'), 1);
    t.equal(await limited(parlor, 'abuse_pause_ms'), 1);
    t.match(
      parlor.logs.find(({ msg }) => msg === 'connection refused'),
      { code: 'rate_limited', limit: 'abuse_pause_ms' },
    );
    t.equal(await attempt(parlor.open('channel:3', 'user=carol')), 'welcome', 'another user');
    for (const one of [other, bob]) one.send({ type: 'ping' });
    await Promise.all([other.next('pong'), bob.next('pong')]);
    await comesIn(() => parlor.open('channel:1', 'user=alice'));
  },
);

t.test(
  'a user has as many connections as it may, whatever its addresses; a service has no limit',
  async (t) => {
    const parlor = await start(t, { ...JWT_ENV, CONNECTIONS_PER_USER: '2' });
    const rooms = [{ room: '*', may: ALL_RIGHTS }];
    const of = async (claims: object): Promise<string> => `access_token=${await token({ rooms, ...claims })}`;
    const alice = await of({ sub: 'alice' });
    const two = [await parlor.join('channel:a', alice), await parlor.join('channel:b', alice)];
    for (const given of [alice, await of({ sub: 'alice', jti: 'not-seen-before' })]) {
      const { code, told } = await turnedAway(parlor.open('channel:c', given, ELSEWHERE));
      t.equal(code, 4429);
      t.match(told, [{ code: 'rate_limited', message: /you have 2 connections/, retry_after_ms: 5_000 }]);
    }
    t.equal(await attempt(parlor.open('channel:c', await of({ sub: 'bob' }))), 'welcome', 'another user');
    const office = await of({ sub: 'office', scope: 'service' });
    for (const n of oneTo(4)) t.equal(await attempt(parlor.open(`channel:${n}`, office)), 'welcome');
    const service = { authorization: `Bearer ${office.replace('access_token=', '')}` };
    t.equal(await limited(parlor, 'connections_per_user', service), 2);
    for (const one of two) await one.close();
    await comesIn(() => parlor.open('channel:c', alice));
  },
);

t.test('a node has as many connections as it may, and answers HTTP all the same', async (t) => {
  const parlor = await start(t, { MAX_CONNECTIONS: '2' });
  const [alice] = [await parlor.join('42', 'user=alice'), await parlor.join('42', 'user=bob')];
  const { code, told } = await turnedAway(parlor.open('43', 'user=carol', ELSEWHERE));
  t.equal(code, 4503);
  t.match(told, [{ code: 'unavailable', message: /as many connections as it may/, retry_after_ms: 5_000 }]);
  t.equal(await limited(parlor, 'max_connections'), 1);
  t.equal((await parlor.post('42', { text: 'Hello', user: 'bob' })).status, 201);
  t.match(await alice?.next('message'), { text: 'Hello' });
  await alice?.close();
  await comesIn(() => parlor.open('43', 'user=carol'));
});

t.test('an address opens as many connections a second as it may, and is told when to go on', async (t) => {
  const parlor = await start(t, { JOINS_PER_ADDRESS: '1' });
  const begun = performance.now();
  let opened = 0;
  let refused: Client | null = null;
  while (refused === null) {
    const client = parlor.open(`channel:${opened}`, `user=alice`);
    if ((await attempt(client)) === 'welcome') opened++;
    else refused = client;
    const mayBe = 20 + Math.ceil((performance.now() - begun) / 1_000);
    if (opened > mayBe) throw new Error(`${opened} were let in, where ${mayBe} may be`);
  }
  t.ok(opened >= 20, 'a burst is let in');
  const { code, told } = await turnedAway(refused);
  t.equal(code, 4429);
  const [error] = told;
  t.match(error, { code: 'rate_limited', message: /too fast: at most 1 a second/ });
  const waitMs = Number(error?.['retry_after_ms']);
  t.ok(waitMs > 0 && waitMs <= 1_000, `come back in ${waitMs} ms`);
  t.ok((await limited(parlor, 'joins_per_address')) >= 1);
  t.equal(await attempt(parlor.open('channel:x', 'user=bob', ELSEWHERE)), 'welcome', 'another address may');
  await new Promise((over) => setTimeout(over, waitMs + 50));
  t.equal(
    await attempt(parlor.open('channel:x', 'user=alice')),
    'welcome',
    'and so may this one, as it was told',
  );
});

t.test('whoever is refused or goes away, in whichever way, gives back one place, and no other', async (t) => {
  const limits = { MAX_CONNECTIONS: '3', CONNECTIONS_PER_ADDRESS: '3', CONNECTIONS_PER_USER: '3' };
  const parlor = await start(t, { ...JWT_ENV, ...limits });
  const rooms = [{ room: 'channel:*', may: ALL_RIGHTS }];
  const alice = await token({ sub: 'alice', rooms });
  const query = `access_token=${alice}`;
  const here = await parlor.join('channel:a', query);
  const refused: [what: string, room: string, query: string, options?: object][] = [
    ['a room id that is none', 'channel:%20', query],
    ['a path that is none', 'channel:a/b', query],
    ['a room without the right', 'group:a', query],
    ['since that is none', 'channel:a', `${query}&since=x`],
    ['another user', 'channel:a', `${query}&user=bob`],
    ['no token', 'channel:a', ''],
    ['a bad token', 'channel:a', `${query}x`],
    ['two tokens', 'channel:a', query, { headers: { authorization: `Bearer ${alice}` } }],
    ['a page of another origin', 'channel:a', query, { origin: 'https://evil.example' }],
  ];
  for (const [what, room, given, options] of refused)
    t.not(await attempt(parlor.open(room, given, options)), 'welcome', what);
  // One that goes while its token is being checked, and some that go without a word.
  for (const n of oneTo(5)) {
    const fresh = await token({ sub: 'alice', rooms, jti: String(n) });
    const raw = await openRaw(parlor.port, `/ws/updates/channel:a?access_token=${fresh}`);
    raw.socket.resetAndDestroy();
  }
  for (const _ of oneTo(2)) (await parlor.join('channel:a', query)).socket.terminate();
  const closed = await parlor.join('channel:b', query).catch(() => null);
  await closed?.close();
  // Kicked, and the room closed.
  const service = { authorization: `Bearer ${await token({ sub: 'office', scope: 'service' })}` };
  const [kicked, shut] = [await parlor.join('channel:c', query), await parlor.join('channel:d', query)];
  await parlor.send('DELETE', '/api/rooms/channel:c/members/alice', undefined, service);
  await parlor.send('DELETE', '/api/rooms/channel:d', undefined, service);
  t.same([(await kicked.closed).code, (await shut.closed).code], [4403, 4410]);
  await comesIn(() => parlor.open('channel:a', query));
  await comesIn(() => parlor.open('channel:a', query));
  t.equal(
    await attempt(parlor.open('channel:a', query)),
    'unavailable 4503',
    'with who was here all the time',
  );
  here.send({ type: 'ping' });
  t.ok(await here.next('pong'));
});

t.test('with AUTH=off nothing but the connections in all is limited unless it is set', async (t) => {
  const parlor = await start(t, {});
  const many = await Promise.all(oneTo(300).map((n) => parlor.join(`channel:${n}`, 'user=alice')));
  t.equal(many.length, 300, 'a user is only a name here');
  await untilMetric(parlor, 'parlor_connections', 300);
  for (const one of many) one.socket.terminate();
  await untilMetric(parlor, 'parlor_connections', 0);
});
