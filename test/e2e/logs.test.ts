import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';

t.test(
  'the log has one line a request and a connection, none a message, and none for health checks',
  async (t) => {
    const parlor = await startParlor({ LOG_FORMAT: 'auto' });
    t.teardown(() => parlor.end());
    const before = parlor.logs.length;
    const alice = await parlor.join('42', 'user=alice');
    for (const n of oneTo(50)) alice.send({ type: 'post', text: `message ${n}` });
    await alice.count('message', 50);
    for (const path of ['/health', '/health/ready', '/metrics']) await parlor.get(path);
    const ids = [randomUUID(), 'job-17/4'];
    await parlor.post('42', { text: 'Hello' }, { 'x-request-id': ids[0] ?? '' });
    await parlor.send('GET', '/api/nowhere?x=1', undefined, { 'x-request-id': ids[1] ?? '' });
    await alice.close();
    await until(() => parlor.logs.some(({ msg }) => msg === 'connection'), {
      what: 'the line of the connection',
    });
    const lines = parlor.logs.slice(before);
    t.match(lines, [
      {
        level: 30,
        msg: 'request',
        request_id: ids[0],
        method: 'POST',
        url: '/api/rooms/42/messages',
        status: 201,
        ms: Number,
      },
      { level: 30, msg: 'request', request_id: ids[1], method: 'GET', url: '/api/nowhere?x=1', status: 404 },
      { level: 30, msg: 'connection', room_id: '42', user: 'alice', ip: '127.0.0.1', code: 1005, ms: Number },
    ]);
    t.equal(lines.length, 3, 'and nothing else');
    t.match(lines[2]?.['time'], /^\d{4}-\d\d-\d\dT.*Z$/);
  },
);

t.test(
  'x-request-id is in the answer, in the log and in the event, and one is made where none came',
  async (t) => {
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    const given = await parlor.post('42', { text: 'one' }, { 'x-request-id': 'order-4711' });
    t.equal(given.headers.get('x-request-id'), 'order-4711');
    const made = await parlor.post('42', { text: 'two' });
    const own = made.headers.get('x-request-id') ?? '';
    t.match(own, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-/, 'a UUID of version 7');
    const rubbish = await parlor.post('42', { text: 'three' }, { 'x-request-id': 'x'.repeat(129) });
    t.notMatch(rubbish.headers.get('x-request-id'), /x{129}/, 'what is too long is replaced');
    const alice = parlor.open('42', 'user=alice', { headers: { 'x-request-id': 'from-a-phone' } });
    await alice.next('welcome');
    alice.send({ type: 'post', text: 'four' });
    await alice.next('ack');
    await alice.close();
    const { events } = (await (await parlor.get('/api/events?room_id=42')).json()) as {
      events: { request_id: string }[];
    };
    t.same(
      events.map(({ request_id }) => request_id),
      ['order-4711', own, rubbish.headers.get('x-request-id'), 'from-a-phone'],
    );
    await until(() => parlor.logs.some(({ msg }) => msg === 'connection'), {
      what: 'the line of the connection',
    });
    for (const id of ['order-4711', own, 'from-a-phone']) {
      t.equal(parlor.logs.filter(({ request_id }) => request_id === id).length, 1, `one line for ${id}`);
    }
  },
);

t.test('a refused connection is one line too', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  await parlor.open('42', 'user=').closed;
  await until(() => parlor.logs.some(({ msg }) => msg === 'connection refused'), {
    what: 'the line of the refusal',
  });
  t.match(parlor.logs.at(-1), { code: 'bad_request', path: '/ws/updates/42', ip: '127.0.0.1' });
});
