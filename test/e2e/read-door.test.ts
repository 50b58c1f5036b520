import { Agent, get } from 'node:http';
import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';

const READERS = 2_000;
const PAGES_READ = 'parlor_http_requests_total{method="GET",route="/api/events",status="200"}';
/** A page of them takes the store some milliseconds. */
const MESSAGES = 200;

t.test('2,000 clients that read pages do not keep a join to a sleeping room waiting', async (t) => {
  const parlor = await startParlor({
    STORE: 'sqlite',
    SQLITE_PATH: `${t.testdir()}/parlor.db`,
    IDLE_MS: '0',
  });
  t.teardown(() => parlor.end());
  await parlor.send('PUT', '/api/rooms/asleep', {});
  for (const n of oneTo(MESSAGES)) await parlor.post('read', { text: `${n} ${'.'.repeat(1_000)}` });
  await untilMetric(parlor, 'parlor_rooms', 0);

  const agent = new Agent({ keepAlive: true, maxSockets: READERS });
  t.teardown(() => agent.destroy());
  const answered: { status: number; retryAfter: string | undefined }[] = [];
  const failed: Error[] = [];
  for (const _ of oneTo(READERS)) {
    get(`${parlor.http}/api/events?room_id=read&limit=${MESSAGES}`, { agent }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answered.push({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] }),
      );
    }).on('error', (cause) => failed.push(cause));
  }
  await until(async () => (await metrics(parlor))('parlor_reads_waiting') > 500, {
    timeoutMs: 60_000,
    what: 'many reads to wait',
  });
  const before = await metrics(parlor);
  const alice = await parlor.join('asleep', 'user=alice');
  const after = await metrics(parlor);
  const waited = before('parlor_reads_waiting');
  const passed = after(PAGES_READ) - before(PAGES_READ);
  t.ok(
    passed < waited / 2,
    `she is in, before most of the ${waited} who were there first; ${passed} were served`,
  );

  await until(() => answered.length + failed.length === READERS, {
    timeoutMs: 120_000,
    what: () => `all readers to be answered; ${answered.length} are`,
  });
  t.same(failed, []);
  const pages = answered.filter(({ status }) => status === 200).length;
  const refused = answered.filter(({ status }) => status === 503);
  t.equal(pages + refused.length, READERS, 'each has a page, or is refused');
  t.ok(pages >= 1_024, `${pages} had a page`);
  t.ok(
    refused.every(({ retryAfter }) => retryAfter === '1'),
    'and is told when to come again',
  );
  const now = await metrics(parlor);
  t.equal(now('parlor_refusals_total{code="unavailable"}'), refused.length, 'refusals are counted');
  t.equal(now('parlor_reads_waiting'), 0);
  await alice.close();
});
