import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { startPrivateRabbit } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { unready } from './support/chat.js';

const PATIENCE = { timeoutMs: 30_000 };
const ROOM = 'channel:hidden';

interface Told {
  readonly how: string;
  readonly status: number;
  readonly text: string;
}

/** Every call that has to reach a room. */
async function askAll(parlor: Parlor): Promise<Told[]> {
  const json = { 'content-type': 'application/json' };
  // Not the usual spelling, so it takes the way through Fastify.
  const long = { 'content-type': 'application/json;charset=utf-8' };
  const calls = [
    ['POST', `/api/rooms/${ROOM}/messages`, { text: 'the short way' }, json],
    ['POST', `/api/rooms/${ROOM}/messages`, { text: 'the long way', id: randomUUID() }, long],
    ['GET', `/api/rooms/${ROOM}`, undefined, {}],
    ['PUT', `/api/rooms/${ROOM}`, { capacity: 5 }, json],
    ['DELETE', `/api/rooms/${ROOM}/members/alice`, undefined, {}],
    ['DELETE', `/api/rooms/${ROOM}`, undefined, {}],
  ] as const;
  return Promise.all(
    calls.map(async ([method, path, body, headers]) => {
      const answer = await parlor.send(method, path, body, headers);
      const text = `${JSON.stringify([...answer.headers])} ${await answer.text()}`;
      return { how: `${method} ${path}`, status: answer.status, text };
    }),
  );
}

void t.test('clients are never told where the broker is, however it fails', async (t) => {
  const rabbit = await startPrivateRabbit();
  t.teardown(() => rabbit.close());
  const parlor = await startParlor({
    BROKER: 'rabbitmq',
    AMQP_URL: rabbit.url,
    PARTITIONS: '4',
    REPLY_TIMEOUT_MS: '700',
  });
  t.teardown(() => parlor.end('SIGKILL'));
  const inside = new RegExp(`127\\.0\\.0\\.1|localhost|${rabbit.port}|ECONN|amqp|rabbit|low on memory`, 'i');
  const alice = await parlor.join(ROOM, 'user=alice');

  async function look(failure: RegExp): Promise<void> {
    const told = await askAll(parlor);
    for (const { how, status, text } of told) {
      t.equal(status, 503, how);
      t.notMatch(text, inside, how);
    }
    const id = randomUUID();
    alice.send({ type: 'post', text: 'over the WebSocket', id });
    await until(() => alice.of('error').some((frame) => frame['id'] === id), {
      ...PATIENCE,
      what: 'her post to be refused',
    });
    // Of a room that nobody here is in: its events have to be asked for first.
    const bob = parlor.open(`channel:other-${id}`, 'user=bob');
    const { code, reason } = await bob.closed;
    t.equal(code, 4503);
    t.match(bob.of('error'), [{ code: 'unavailable' }]);
    t.notMatch(JSON.stringify([alice.frames, bob.frames, reason]), inside, 'over WebSockets');
    t.match(await unready(parlor), failure, 'the operator is told');
    t.match(await unready(parlor), String(rabbit.port));
  }

  await rabbit.ctl('set_vm_memory_high_watermark', '0');
  await until(async () => /accepts nothing/.test((await unready(parlor)) ?? ''), {
    ...PATIENCE,
    what: 'the node to notice the alarm',
  });
  await look(/accepts nothing: low on memory/);
  await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
  await until(async () => (await unready(parlor)) === null, { ...PATIENCE, what: 'the end of the alarm' });

  await rabbit.kill();
  await until(async () => (await unready(parlor)) !== null, { ...PATIENCE, what: 'the node to notice' });
  await look(/connection refused|connection reset|retrying|reconnecting/);
  t.ok(
    parlor.logs.some(
      ({ msg }) => msg.startsWith('rabbitmq: connection lost') && msg.includes(String(rabbit.port)),
    ),
    'and so is the log',
  );
  t.equal(await parlor.end(), 0);
  t.equal((await alice.closed).code, 1012);
  t.notMatch(JSON.stringify([alice.frames, await alice.closed]), inside);
});
