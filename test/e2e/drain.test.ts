import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { startParlor, type Client, type Env } from '../support/parlor.js';
import { accepts } from '../support/ports.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { oneTo, readHistory, unready } from './support/chat.js';
import { answerOn, connectRaw } from './support/raw.js';

const GRACE_MS = 10_000;
/** Many more than are told in one step. */
const CROWD = 150;
const TEXT = 'still here';
const BODY = '{"text":"over HTTP, too"}';

/** Everything needed for a second node beside the first. */
async function clusterEnv(): Promise<Env> {
  const [AMQP_URL, DATABASE_URL] = [await ownVhost(), await ownDatabase()];
  return { BROKER: 'rabbitmq', AMQP_URL, STORE: 'postgres', DATABASE_URL, GRACE_MS: String(GRACE_MS) };
}

/** The error before a connection was closed, and when that was. */
async function farewell(client: Client): Promise<{ code: number; at: number; waitMs: number }> {
  const { code } = await client.closed;
  const at = performance.now();
  const last = client.frames.at(-1);
  return { code, at, waitMs: last?.type === 'error' ? Number(last['retry_after_ms'] ?? -1) : -1 };
}

t.test('a node is first not ready, and all else goes on until load balancers have noticed', async (t) => {
  const parlor = await startParlor({ DRAIN_DELAY_MS: '3000' });
  const alice = await parlor.join('42', 'user=alice');
  const began = performance.now();
  const ended = parlor.end('SIGTERM');
  const reason = await until(() => unready(parlor), { what: 'it not to be ready' });
  t.match(reason, /the node is going down/);
  const bob = await parlor.join('42', 'user=bob');
  t.equal((await parlor.post('42', { text: 'Hello' })).status, 201);
  bob.send({ type: 'post', text: 'Hi' });
  await bob.next('ack');
  await alice.count('message', 2);
  t.equal((await parlor.get('/health')).status, 200, 'it is alive');
  const told = await farewell(alice);
  t.match(told, { code: 1012 });
  t.ok(told.at - began >= 2_900, `clients are told ${Math.round(told.at - began)} ms after the signal`);
  await bob.closed;
  t.equal(await ended, 0);
  t.equal(await accepts(parlor.port), false, 'new connections are refused');
});

t.test('two nodes, one is stopped', async (t) => {
  const env = await clusterEnv();
  const one = await startParlor(env);
  t.teardown(() => one.end('SIGKILL'));
  const two = await startParlor(env);
  t.teardown(() => two.end('SIGKILL'));
  await one.send('PUT', '/api/rooms/crowd', { capacity: null });
  const watcher = await two.join('crowd', 'user=watcher');
  const crowd = await Promise.all(oneTo(CROWD).map((n) => one.join('crowd', `user=user-${n}`)));
  const quitter = await one.join('crowd', 'user=quitter');
  const talkers = crowd.slice(-10).map((client) => talk(client));
  const keptAlive = await connectRaw(one.port);

  const farewells = Promise.all(crowd.map((client) => farewell(client)));
  const began = performance.now();
  const ended = one.end('SIGTERM');
  await until(() => one.logs.some(({ msg }) => msg === 'stopping'), { what: 'it to be stopping' });
  keptAlive.write(
    'POST /api/rooms/crowd/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
  );
  const told = await farewells;
  t.equal(await ended, 0);

  t.ok(
    told.every(({ code }) => code === 1012),
    'all are told that the node restarts',
  );
  // By the node's own clock: this process may have been too busy to see it.
  const times = one.logs.flatMap(({ msg, code, time }) =>
    msg === 'connection' && code === 1012 ? [Date.parse(String(time))] : [],
  );
  const spread = Math.max(...times) - Math.min(...times);
  t.ok(spread >= 50, `some at a time: over ${Math.round(spread)} ms`);
  const waits = told.map(({ waitMs }) => waitMs);
  t.ok(
    waits.every((ms) => ms >= 0 && ms <= GRACE_MS / 2),
    'when to come back, early enough to find their seats',
  );
  t.ok(new Set(waits).size > CROWD / 2, `not all at once: ${new Set(waits).size} different moments`);

  const answer = await answerOn(keptAlive);
  // Null: it was on its way when the node ended.
  if (answer) t.ok([201, 503].includes(answer.status), `over HTTP it is ${answer.status}`);

  const said = await Promise.all(talkers);
  const accepted = said.flatMap((one) => one.accepted);
  const late = accepted.filter(({ answeredAt }) => answeredAt > began).length;
  t.ok(late > 0, `${late} posts were accepted by the node that goes`);
  const crossed = said.flatMap((one) => one.crossed);
  for (const id of crossed) {
    const again = await two.post('crowd', { id, user: 'somebody', text: TEXT });
    t.ok([201, 409].includes(again.status), 'what met the close frame on its way can be posted again');
  }
  const history = await readHistory(two, 'crowd');
  const stored = new Map<string, number>();
  for (const { id } of history) stored.set(id, (stored.get(id) ?? 0) + 1);
  t.same(
    [...accepted.map(({ id }) => id), ...crossed].filter((id) => stored.get(id) !== 1),
    [],
    'each is stored, once',
  );

  // All but one come back when they were asked to.
  const returned = await Promise.all(
    crowd.map(async (_, i) => {
      await pause(told[i]?.waitMs ?? 0);
      return two.join('crowd', `user=user-${i + 1}`);
    }),
  );
  t.equal(returned.length, CROWD);
  await until(() => watcher.of('left').length > 0, { timeoutMs: 60_000, what: 'the seat of the quitter' });
  t.same(
    watcher.of('left').map(({ user }) => user),
    ['quitter'],
    'who came back has never left',
  );
  t.equal((await quitter.closed).code, 1012);
  t.equal(await two.end(), 0);
});

/** What somebody said. */
interface Said {
  /** Answered with `ack` or `queued`. */
  readonly accepted: { readonly id: string; readonly answeredAt: number }[];
  /** Not answered when the connection ended. */
  readonly crossed: string[];
}

/** Posts as fast as posts are answered, until the connection ends. */
async function talk(client: Client): Promise<Said> {
  const said: Said = { accepted: [], crossed: [] };
  let over = false;
  void client.closed.then(() => (over = true));
  while (!over) {
    const id = randomUUID();
    const answer = () => client.frames.find((frame) => frame['id'] === id && frame.type !== 'message');
    client.send({ type: 'post', id, text: TEXT });
    await until(() => answer() !== undefined || over, { intervalMs: 1, what: 'an answer or the end' });
    const { type, code } = answer() ?? { type: 'none' };
    if (type === 'ack' || type === 'queued') said.accepted.push({ id, answeredAt: performance.now() });
    else if (type === 'none') said.crossed.push(id);
    else if (code !== 'unavailable') throw new Error(`refused with ${String(code)}`);
  }
  return said;
}
