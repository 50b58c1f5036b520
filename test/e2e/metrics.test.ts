import { randomUUID } from 'node:crypto';
import t from 'tap';
import { BROKERS } from '../support/matrix.js';
import { startParlor } from '../support/parlor.js';
import { attempt, oneTo } from './support/chat.js';
import { metrics, parseMetrics, untilMetric } from './support/metrics.js';

for (const broker of BROKERS) {
  t.test(`the metrics follow what happens, with the ${broker.name} broker`, async (t) => {
    const parlor = await startParlor({ GRACE_MS: '0', IDLE_MS: '0', ...(await broker.env()) });
    t.teardown(() => parlor.end());
    const page = await parlor.get('/metrics');
    t.match(page.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    const text = await page.text();
    const gauges = [
      'connections',
      'rooms',
      'seats',
      'under_way',
      'audiences',
      'broker_pending',
      'broker_buffered',
      'reads_waiting',
      'partitions',
    ];
    for (const name of gauges) t.match(text, new RegExp(`^# TYPE parlor_${name} gauge$`, 'm'));
    for (const actor of ['rooms', 'audiences', 'bridge', 'journal']) {
      t.match(
        text,
        new RegExp(`^parlor_mailbox_depth{actor="${actor}"} \\d+$`, 'm'),
        `the mailboxes of ${actor}`,
      );
    }
    t.match(text, /^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m);
    t.match(text, /^parlor_broker_ready 1$/m);
    t.match(text, /^parlor_store_ready 1$/m);

    const before = await metrics(parlor);
    const [alice, bob] = [await parlor.join('42', 'user=alice'), await parlor.join('42', 'user=bob')];
    for (const n of oneTo(25)) alice.send({ type: 'post', text: `message ${n}` });
    await bob.count('message', 25);
    await alice.count('ack', 25);
    t.equal(await attempt(parlor.open('42', 'user=carol')), 'room_full 4409');
    await parlor.post('42', { text: '' });
    await untilMetric(parlor, 'parlor_connections', 2);
    const now = await metrics(parlor);
    t.same(['parlor_rooms', 'parlor_seats', 'parlor_audiences'].map(now), [1, 2, 1]);
    t.equal(now('parlor_messages_total'), 25);
    t.equal(now('parlor_refusals_total{code="room_full"}'), 1);
    t.ok(now('parlor_deliveries_total') >= 50, 'each message went to two connections');
    t.ok(now('parlor_store_commit_seconds_count') > before('parlor_store_commit_seconds_count'));
    t.ok(now('parlor_store_commit_seconds_sum') > 0);
    t.ok(now('process_cpu_seconds_total') > before('process_cpu_seconds_total'));
    await Promise.all([alice.close(), bob.close()]);
    for (const name of ['connections', 'seats', 'audiences', 'rooms', 'broker_pending']) {
      await untilMetric(parlor, `parlor_${name}`, 0);
    }
    t.equal(
      (await metrics(parlor))('parlor_refusals_total{code="bad_request"}'),
      1,
      'HTTP’s refusals count too',
    );
  });
}

t.test('HTTP requests are counted and timed by route and status, whoever answers them', async (t) => {
  const parlor = await startParlor({ MAX_BODY_BYTES: '1024' });
  t.teardown(() => parlor.end());
  const id = randomUUID();
  const posts: readonly (readonly [body: object, status: number])[] = [
    [{ text: 'Hello', id }, 201],
    [{ text: 'Hello', id }, 201],
    [{ text: 'Another', id }, 409],
    [{ text: '' }, 400],
    [{ text: 'too long'.repeat(200) }, 413],
    // More than twice as much is refused before Fastify sees it.
    [{ text: 'too long'.repeat(2_000) }, 413],
  ];
  for (const [body, status] of posts) t.equal((await parlor.post('42', body)).status, status);
  for (const path of ['/api/rooms/42', '/api/rooms/43', '/api/nothing', '/api/rooms/%ff', '/ws/updates/42'])
    await parlor.get(path);
  await parlor.send('PURGE', '/api/rooms/42');
  await parlor.send('GET', '/api/rooms/42', undefined, { origin: 'https://evil.example' });

  const text = await (await parlor.get('/metrics')).text();
  const counted = text.split('\n').filter((line) => line.startsWith('parlor_http_requests_total{'));
  const series = (method: string, route: string, status: number, count: number): string =>
    `parlor_http_requests_total{method="${method}",route="${route}",status="${status}"} ${count}`;
  const [room, messages] = ['/api/rooms/:room_id', '/api/rooms/:room_id/messages'];
  t.same(
    counted.sort(),
    [
      series('POST', messages, 201, 2),
      series('POST', messages, 409, 1),
      series('POST', messages, 400, 1),
      series('POST', messages, 413, 1),
      series('POST', 'other', 413, 1),
      series('GET', room, 200, 1),
      series('GET', room, 404, 1),
      series('GET', room, 403, 1),
      series('GET', 'other', 404, 1),
      series('GET', 'other', 400, 1),
      series('GET', '/ws/*', 426, 1),
      series('other', 'other', 405, 1),
    ].sort(),
  );
  const now = parseMetrics(text);
  const seconds = 'parlor_http_request_seconds';
  const labels = `method="POST",route="${messages}"`;
  t.match(text, new RegExp(`^# TYPE ${seconds} histogram$`, 'm'));
  t.equal(now(`${seconds}_count{${labels}}`), 5);
  t.equal(now(`${seconds}_bucket{${labels},le="+Inf"}`), 5);
  t.ok(now(`${seconds}_sum{${labels}}`) > 0);
  const upTo = ['0.001', '0.005', '0.01', '0.05', '0.1', '0.5', '1', '5', '+Inf'].map((le) =>
    now(`${seconds}_bucket{${labels},le="${le}"}`),
  );
  t.same(
    upTo,
    upTo.toSorted((a, b) => a - b),
    'each bucket has what the smaller ones have',
  );

  const again = await metrics(parlor);
  t.equal(again(series('POST', messages, 201, 2).replace(/ \d+$/, '')), 2, 'reading them takes nothing away');
});

t.test('a node says that it is alive and ready', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  for (const path of ['/health', '/health/ready']) {
    const answer = await parlor.get(path);
    t.equal(answer.status, 200);
    t.same(await answer.json(), { status: 'ok' });
  }
});
