import { get } from 'node:http';
import t from 'tap';
import { BROKERS } from '../support/matrix.js';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { ALL_RIGHTS, inSeconds, JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { oneTo, problemOf } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';

t.setTimeout(180_000);

interface Page {
  readonly events: readonly { readonly type: string; readonly seq: number }[];
  readonly next: string | null;
  readonly cursor: string;
}

const POLLS = 'parlor_long_polls';

async function poll(parlor: Parlor, room: string, after: string | number, waitMs: number): Promise<Page> {
  const answer = await parlor.get(`/api/events?room_id=${room}&after=${after}&wait=${waitMs}`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Page;
}

const seqs = ({ events }: Page): number[] => events.map(({ seq }) => seq);

for (const broker of BROKERS)
  t.test(broker.name, async (t) => {
    const parlor = await startParlor(await broker.env());
    t.teardown(() => parlor.end());

    await t.test('a page that would be empty waits for the next event', async (t) => {
      const waiting = poll(parlor, 'a', 0, 30_000);
      await untilMetric(parlor, POLLS, 1);
      const posted = performance.now();
      await parlor.post('a', { text: 'Hello' });
      const page = await waiting;
      t.ok(performance.now() - posted < 2_000);
      t.ok(page.events.length >= 1);
      const next = poll(parlor, 'a', page.cursor, 30_000);
      await untilMetric(parlor, POLLS, 1);
      await parlor.post('a', { text: 'again' });
      t.same(seqs(await next), [Number(page.cursor) + 1]);
      t.same(seqs(await poll(parlor, 'a', 0, 30_000)), oneTo(Number(page.cursor) + 1), 'what is there');
      await untilMetric(parlor, POLLS, 0);
    });

    await t.test('when the time is over the page is empty, and its cursor is where it was', async (t) => {
      const { cursor } = await poll(parlor, 'quiet', 0, 0);
      const begun = performance.now();
      t.same(await poll(parlor, 'quiet', cursor, 700), { events: [], next: null, cursor: '0' });
      const ms = performance.now() - begun;
      t.ok(ms >= 690 && ms < 5_000, `${Math.round(ms)} ms`);
    });

    await t.test('uWebSockets.js does not end a long wait', async (t) => {
      const begun = performance.now();
      t.same(await poll(parlor, 'quiet', 0, 14_000), { events: [], next: null, cursor: '0' });
      t.ok(performance.now() - begun >= 13_900);
    });

    await t.test('nothing falls between two calls', async (t) => {
      const writers = Promise.all(
        oneTo(4).map(async () => {
          for (const n of oneTo(50)) await parlor.post('channel:busy', { text: String(n) });
        }),
      );
      const readers = await Promise.all(
        oneTo(5).map(async () => {
          const seen: number[] = [];
          let cursor = '0';
          while (seen.length < 200) {
            const page = await poll(parlor, 'channel:busy', cursor, 5_000);
            if (page.events.length === 0) break;
            seen.push(...seqs(page));
            ({ cursor } = page);
          }
          return seen;
        }),
      );
      await writers;
      for (const seen of readers) t.same(seen.slice(0, 200), oneTo(200));
    });

    await t.test('many who wait in a room are all answered by one event', async (t) => {
      const waiting = oneTo(300).map(() => poll(parlor, 'channel:many', 0, 30_000));
      await untilMetric(parlor, POLLS, 300);
      await parlor.post('channel:many', { text: 'for all' });
      for (const page of await Promise.all(waiting)) t.equal(page.events[0]?.seq, 1);
    });

    await t.test('a client that is gone gives its place back', async () => {
      const calls = oneTo(10).map(() =>
        get(`${parlor.http}/api/events?room_id=gone&after=0&wait=30000`).on('error', () => undefined),
      );
      await untilMetric(parlor, POLLS, 10);
      for (const call of calls) call.destroy();
      await untilMetric(parlor, POLLS, 0);
    });

    await t.test('a purge is an event, too', async (t) => {
      await parlor.post('purged', { text: 'one' });
      const { cursor } = await poll(parlor, 'purged', 0, 0);
      const waiting = poll(parlor, 'purged', cursor, 30_000);
      await untilMetric(parlor, POLLS, 1);
      await parlor.send('DELETE', '/api/rooms/purged?purge=true');
      const page = await waiting;
      t.match(page.events.at(-1), { type: 'room_closed', seq: Number(cursor) + 1 });
    });

    await t.test('typing wakes nobody', async (t) => {
      const alice = await parlor.join('channel:typing', 'user=alice');
      const bob = await parlor.join('channel:typing', 'user=bob');
      await parlor.post('channel:typing', { text: 'first' });
      const { cursor } = await poll(parlor, 'channel:typing', 0, 0);
      const waiting = poll(parlor, 'channel:typing', cursor, 30_000);
      await untilMetric(parlor, POLLS, 1);
      alice.send({ type: 'typing' });
      await bob.next('typing');
      t.equal((await metrics(parlor))(POLLS), 1);
      await parlor.post('channel:typing', { text: 'second' });
      t.same(seqs(await waiting), [Number(cursor) + 1]);
    });
  });

t.test('what cannot be waited for is refused', async (t) => {
  const parlor = await startParlor({ ...JWT_ENV, CONNECTIONS_PER_USER: '2' });
  t.teardown(() => parlor.end());
  const bearer = async (claims: object) => ({ authorization: `Bearer ${await token({ ...claims })}` });
  const service = await bearer({ sub: 'office', scope: 'service' });
  const alice = await bearer({ sub: 'alice', rooms: [{ room: 'channel:*', may: ALL_RIGHTS }] });
  const ask = (query: string, headers: Record<string, string>) =>
    parlor.send('GET', `/api/events?${query}`, undefined, headers);
  for (const query of ['wait=5', 'after=0&wait=5', 'room_id=channel:a&wait=5'])
    t.equal((await ask(query, service)).status, 400, query);
  for (const wait of ['30001', '-1', '1.5', 'x', ''])
    t.equal((await ask(`room_id=channel:a&after=0&wait=${wait}`, service)).status, 400, `wait=${wait}`);
  t.equal((await ask('room_id=other&after=0&wait=5', alice)).status, 403, 'another room');
  t.equal((await ask('room_id=channel:a&after=0&wait=5', {})).status, 401);
  const wait = 'room_id=channel:a&after=0&wait=30000';
  const waiting = oneTo(2).map(() => ask(wait, alice));
  await untilMetricOf(parlor, service, 2);
  const refused = await ask(wait, alice);
  t.equal(refused.status, 429);
  t.equal(refused.headers.get('retry-after'), '5');
  t.match(await problemOf(refused), { code: 'rate_limited', detail: /you have 2 connections/ });
  t.equal((await ask('room_id=channel:a&after=0', alice)).status, 200, 'who does not wait needs no place');
  await parlor.post('channel:a', { text: 'x' }, service);
  for (const answer of await Promise.all(waiting)) t.equal(answer.status, 200);
  t.equal((await ask(`room_id=channel:a&after=2&wait=10`, alice)).status, 200, 'the places are free again');
});

t.test('who waits with a token that ends meanwhile is not told what comes after that', async (t) => {
  const parlor = await startParlor(JWT_ENV);
  t.teardown(() => parlor.end());
  const rooms = [{ room: '*', may: ALL_RIGHTS }];
  const service = { authorization: `Bearer ${await token({ sub: 'office', scope: 'service' })}` };
  for (const [sub, claims, end] of [
    ['alice', { exp: inSeconds(1) }, () => untilPast(inSeconds(1.2))],
    [
      'bob',
      { jti: 'one' },
      () => parlor.send('PUT', '/api/revocations/tokens/one', undefined, service).then(() => undefined),
    ],
  ] as const) {
    const given = { authorization: `Bearer ${await token({ sub, rooms, ...claims })}` };
    const waiting = parlor.send('GET', `/api/events?room_id=${sub}&after=0&wait=30000`, undefined, given);
    await untilMetricOf(parlor, service, 1);
    await end();
    await parlor.post(sub, { text: 'secret' }, service);
    const answer = await waiting;
    t.equal(answer.status, 401, sub);
    t.match(await problemOf(answer), { code: 'unauthorized' });
  }
});

async function untilPast(seconds: number): Promise<void> {
  await until(() => Date.now() > seconds * 1_000, { what: 'time to pass' });
}

async function untilMetricOf(parlor: Parlor, headers: Record<string, string>, wanted: number): Promise<void> {
  const asked: Pick<Parlor, 'get'> = { get: (path) => parlor.send('GET', path, undefined, headers) };
  await untilMetric(asked as Parlor, POLLS, wanted);
}

t.test('a node that goes down answers those who wait', async (t) => {
  const parlor = await startParlor();
  const waiting = oneTo(20).map(() => poll(parlor, 'channel:down', 0, 30_000));
  await untilMetric(parlor, POLLS, 20);
  const begun = performance.now();
  const ended = parlor.end('SIGTERM');
  for (const page of await Promise.all(waiting)) t.same(page, { events: [], next: null, cursor: '0' });
  t.equal(await ended, 0);
  t.ok(performance.now() - begun < 5_000);
});

t.test('an event of another node ends the wait', async (t) => {
  const [AMQP_URL, DATABASE_URL] = [await ownVhost(), await ownDatabase()];
  const env: Env = { BROKER: 'rabbitmq', AMQP_URL, STORE: 'postgres', DATABASE_URL };
  const one = await startParlor(env);
  t.teardown(() => one.end());
  const two = await startParlor(env);
  t.teardown(() => two.end());
  for (const room of oneTo(8).map((n) => `channel:r${n}`)) {
    const waiting = [poll(one, room, 0, 30_000), poll(two, room, 0, 30_000)];
    await Promise.all([one, two].map((node) => untilMetric(node, POLLS, 1)));
    const posted = performance.now();
    await one.post(room, { text: 'Hello' });
    for (const page of await Promise.all(waiting)) t.equal(page.events[0]?.seq, 1);
    t.ok(performance.now() - posted < 5_000);
  }
});
