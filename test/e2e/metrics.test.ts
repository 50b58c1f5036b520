import t from 'tap';
import { BROKERS } from '../support/matrix.js';
import { startParlor } from '../support/parlor.js';
import { attempt, oneTo } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';

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

t.test('a node says that it is alive and ready', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  for (const path of ['/health', '/health/ready']) {
    const answer = await parlor.get(path);
    t.equal(answer.status, 200);
    t.same(await answer.json(), { status: 'ok' });
  }
});
