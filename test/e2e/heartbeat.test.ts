import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';
import { frameBytes, openRaw, type RawWebSocket } from './support/raw.js';

/** A ping without a payload, as uWebSockets.js sends it. */
const PING = Buffer.from([0x89, 0]);
const PONG = frameBytes('', { opcode: 10 });

function pings(client: RawWebSocket): number {
  const bytes = client.received();
  let count = 0;
  for (let at = bytes.indexOf(PING); at >= 0; at = bytes.indexOf(PING, at + PING.length)) count++;
  return count;
}

t.test('a quiet client is pinged every PING_S, however long it may be silent', async (t) => {
  const parlor = await startParlor({ PING_S: '1', SILENCE_S: '960' });
  t.teardown(() => parlor.end());
  const clients = await Promise.all(
    oneTo(5).map((n) => openRaw(parlor.port, `/ws/updates/channel:quiet?user=u${n}`)),
  );
  const begun = performance.now();
  await until(() => clients.every((one) => pings(one) >= 4), { timeoutMs: 30_000, what: 'four pings each' });
  t.ok(performance.now() - begun > 2_500, 'and not all at once');
  t.equal((await metrics(parlor))('parlor_connections'), 5, 'nobody who answers none is ended yet');
});

t.test(
  'a ping frame is answered with a pong frame, so that a page can tell that its link lives',
  async (t) => {
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    const alice = await parlor.join('42', 'user=alice');
    for (let i = 0; i < 3; i++) {
      alice.send({ type: 'ping' });
      t.same(await alice.next('pong'), { type: 'pong' });
    }
    alice.send({ type: 'ping', id: '1' });
    t.match(await alice.next('error'), { code: 'bad_request' });
  },
);

/**
 * How long the process is suspended, ms: the last time far longer than SILENCE_S. Several times, since it is a matter of luck
 * whether timers or sockets have their turn first afterwards.
 */
const PAUSES = [6_000, 6_000, 6_000, 6_000, 40_000];

t.test('after the process was suspended, nobody is ended whose pong waits in the socket', async (t) => {
  const parlor = await startParlor({ SILENCE_S: '8', GRACE_MS: '0' });
  t.teardown(() => parlor.end('SIGKILL'));
  const enter = (n: number): Promise<RawWebSocket> =>
    openRaw(parlor.port, `/ws/updates/channel:paused?user=u${n}`);
  const clients = await Promise.all(oneTo(20).map(enter));
  for (const client of clients) await client.told('welcome');
  let ended = 0;
  for (const client of clients) void client.closed.then(() => ended++);
  for (const [round, ms] of PAUSES.entries()) {
    const before = clients.map(pings);
    await until(() => clients.some((one, i) => pings(one) > (before[i] ?? 0)), {
      timeoutMs: 30_000,
      what: 'a ping',
    });
    process.kill(parlor.pid, 'SIGSTOP');
    for (const client of clients) client.write(PONG);
    const since = performance.now();
    await until(() => performance.now() - since > ms, { timeoutMs: ms * 2, what: 'time to pass' });
    process.kill(parlor.pid, 'SIGCONT');
    t.equal((await parlor.post('channel:paused', { text: `round ${round} is over` })).status, 201);
    const told = (one: RawWebSocket): boolean => one.received().includes(`round ${round} is over`);
    await until(() => ended > 0 || clients.every(told), { what: 'all to be told' });
    t.equal(ended, 0, `after ${ms} ms all of them are still there, …`);
    for (const client of clients) client.write(PONG);
  }
  await untilMetric(parlor, 'parlor_connections', 0, 40_000);
  t.equal(ended, 20, '… and once they are silent they are ended');
});
