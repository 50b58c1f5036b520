import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { ALL_RIGHTS, JWT_ENV, token } from '../support/tokens.js';
import { metrics } from './support/metrics.js';

t.setTimeout(120_000);

const rooms = [{ room: '*', may: ALL_RIGHTS }];

t.test('with tokens, limits hold unless they are set otherwise', async (t) => {
  const parlor = await startParlor(JWT_ENV);
  t.teardown(() => parlor.end());
  const query = async (claims: object) => `access_token=${await token({ rooms, ...claims })}`;
  const alice = await parlor.join('channel:a', await query({ sub: 'alice' }));
  const bob = await parlor.join('channel:a', await query({ sub: 'bob' }));
  // By default 100 posts of a connection may come at once.
  for (let i = 0; i < 150; i++) alice.send({ type: 'post', text: `${i}` });
  const { code } = await alice.next('error');
  t.equal(code, 'rate_limited');
  bob.send({ type: 'post', text: 'I am heard' });
  await bob.next('ack');

  const service = await parlor.join('channel:a', `${await query({ sub: 'bot', scope: 'service' })}&user=bot`);
  for (let i = 0; i < 150; i++) service.send({ type: 'post', text: `${i}` });
  await service.count('ack', 150);
  t.same(service.of('error'), [], 'a service has no such limit');
});

t.test('without tokens nothing is limited unless it is set; what is set holds at every door', async (t) => {
  const parlor = await startParlor({ POSTS_PER_USER: '1', POSTS_PER_ROOM: '2' });
  t.teardown(() => parlor.end());
  const post = (room: string, user: string | undefined, headers = {}) =>
    parlor.post(room, { user, text: 'x' }, headers);
  const five = await Promise.all([1, 2, 3, 4, 5].map((n) => post(`a${n}`, 'alice')));
  t.same(
    five.map(({ status }) => status),
    [201, 201, 201, 201, 201],
    'five seconds’ worth may come at once',
  );
  // With an Origin a post goes through the routes, and without one the short way.
  for (const more of [{}, { origin: parlor.http }]) {
    const refused = await post('a', 'alice', more);
    t.equal(refused.status, 429);
    t.equal(refused.headers.get('retry-after'), '1');
    const problem = (await refused.json()) as { code: string; retry_after_ms: number };
    t.match(problem, { code: 'rate_limited', detail: /alice/ });
    t.ok(problem.retry_after_ms > 0 && problem.retry_after_ms <= 1_000);
  }
  const many = await Promise.all(Array.from({ length: 30 }, () => post('b', undefined)));
  const problems = await Promise.all(many.filter(({ status }) => status !== 201).map((one) => one.json()));
  t.ok(problems.length > 0 && problems.length <= 20, `${problems.length} of 30 are refused`);
  for (const problem of problems) t.match(problem, { code: 'rate_limited', detail: /room/ });
  const read = await metrics(parlor);
  t.equal(read('parlor_limited_total{limit="posts_per_user"}'), 2);
  t.equal(read('parlor_limited_total{limit="posts_per_room"}'), problems.length);
});

t.test('slow mode is a policy of the room', async (t) => {
  const parlor = await startParlor({});
  t.teardown(() => parlor.end());
  const body = { post_interval_ms: 60_000 };
  const opened = await parlor.send('PUT', '/api/rooms/group:slow', body);
  t.match(await opened.json(), { policy: { post_interval_ms: 60_000 } });
  const alice = await parlor.join('group:slow', 'user=alice');
  t.match(alice.of('welcome'), [{ policy: { post_interval_ms: 60_000 } }]);
  alice.send({ type: 'post', text: 'first' });
  await alice.next('ack');
  alice.send({ type: 'post', text: 'second' });
  const refused = await alice.next('error');
  t.match(refused, { code: 'rate_limited', message: /60000 ms/ });
  t.ok(Number(refused['retry_after_ms']) > 50_000);
});
