import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';
import { openRaw, type RawWebSocket } from './support/raw.js';

const GC_MAIN = fileURLToPath(new URL('support/gc-main.js', import.meta.url));
const CONNECTIONS = 10_000;
const AT_ONCE = 200;
/** Two members a room, as in the original brief. */
const ROOMS = CONNECTIONS / 2;
const GAUGES = ['connections', 'rooms', 'audiences', 'seats'].map((name) => `parlor_${name}`);
/** More than this for one idle member of a room of two would be a leak or a mistake. */
const BYTES_EACH = 24_000;
/** What the memory store may know of all those rooms, and code that was compiled on the way. */
const REMEMBERED = 6_000_000;
/** What one collection finds and the next does not. */
const SLACK = 1_500_000;

t.test('10,000 idle connections are held, counted and cheap, and nothing of them stays', async (t) => {
  const files = openFiles();
  t.ok(
    files > CONNECTIONS + 500,
    `this machine allows ${files} open files; ulimit -n ${CONNECTIONS + 1_000} allows enough`,
  );
  const parlor = await startParlor({ GRACE_MS: '0', IDLE_MS: '0', SILENCE_S: '960' }, GC_MAIN);
  t.teardown(() => parlor.end());
  // Once through everything first: the code that they run is not what they cost.
  await leave(parlor, await enter(parlor, AT_ONCE));
  const before = await collected(parlor);

  const begun = performance.now();
  const members = await enter(parlor, CONNECTIONS);
  t.comment(`${CONNECTIONS} joined in ${Math.round(performance.now() - begun)} ms`);
  const held = await collected(parlor);
  const each = (held.rss - before.rss) / CONNECTIONS;
  const heapEach = (held.heapUsed - before.heapUsed) / CONNECTIONS;
  t.comment(
    `per idle connection, two to a room: ${Math.round(each)} B of RSS, ${Math.round(heapEach)} B of heap`,
  );
  t.ok(each < BYTES_EACH, `${Math.round(each)} B of RSS for each is less than ${BYTES_EACH}`);

  const value = await metrics(parlor);
  t.same(
    GAUGES.map(value),
    [CONNECTIONS, ROOMS, ROOMS, CONNECTIONS],
    'connections, rooms, audiences and seats are counted',
  );
  await stillServed(t, parlor, members);

  await leave(parlor, members);
  const after = await collected(parlor);
  await leave(parlor, await enter(parlor, CONNECTIONS));
  const again = await collected(parlor);
  t.comment(
    `the heap was ${mb(before.heapUsed)}, with them ${mb(held.heapUsed)}, without ${mb(after.heapUsed)}, ` +
      `and ${mb(again.heapUsed)} after another ${CONNECTIONS} had come and gone`,
  );
  const [kept, grown] = [after.heapUsed - before.heapUsed, again.heapUsed - after.heapUsed];
  t.ok(kept < REMEMBERED, `all it keeps is what the store knows of ${ROOMS} rooms: ${mb(kept)}`);
  t.ok(grown < SLACK, `and the same again leaves nothing: ${mb(grown)}`);
});

/** Of so many, any two in a room still hear each other at once. */
async function stillServed(t: Test, parlor: Parlor, members: readonly RawWebSocket[]): Promise<void> {
  const begun = performance.now();
  for (const room of [0, Math.floor(ROOMS / 2), ROOMS - 1]) {
    t.equal((await parlor.post(`idle-${room}`, { text: 'are you awake?' })).status, 201);
    for (const member of [members[room * 2], members[room * 2 + 1]]) {
      t.match(await member?.told('message'), { seq: 1, text: 'are you awake?' });
    }
  }
  t.comment(`three rooms were posted to in ${Math.round(performance.now() - begun)} ms`);
}

async function enter(parlor: Parlor, count: number): Promise<RawWebSocket[]> {
  const members: RawWebSocket[] = [];
  while (members.length < count) {
    const first = members.length;
    const next = oneTo(Math.min(AT_ONCE, count - first)).map(async (n) => {
      const i = first + n - 1;
      // Each address of this machine has ports of its own.
      const from = `127.0.0.${2 + (i % 8)}`;
      return openRaw(parlor.port, `/ws/updates/idle-${Math.floor(i / 2)}?user=u${i % 2}`, [], from);
    });
    members.push(...(await Promise.all(next)));
  }
  await untilMetric(parlor, 'parlor_seats', count, 60_000);
  return members;
}

async function leave(parlor: Parlor, members: readonly RawWebSocket[]): Promise<void> {
  for (const { socket } of members) socket.destroy();
  for (const gauge of GAUGES) await untilMetric(parlor, gauge, 0, 60_000);
}

async function collected(parlor: Parlor): Promise<{ rss: number; heapUsed: number }> {
  const lines = () => parlor.logs.filter(({ msg }) => msg === 'collected');
  const seen = lines().length;
  process.kill(parlor.pid, 'SIGUSR2');
  await until(() => lines().length > seen, { timeoutMs: 30_000, what: 'the garbage to be collected' });
  const line = lines().at(-1);
  return { rss: Number(line?.['rss']), heapUsed: Number(line?.['heapUsed']) };
}

/** How many files a process may have open; where the system does not say, enough. */
function openFiles(): number {
  try {
    return Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  } catch {
    return Infinity; // Not Linux.
  }
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
