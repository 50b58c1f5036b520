import t from 'tap';
import { WebSocket } from 'ws';
import { openClient, startParlor, type Client } from '../support/parlor.js';
import { startHaproxy } from '../support/haproxy.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { oneTo, seqs } from './support/chat.js';
import { metrics } from './support/metrics.js';

const CLIENTS = 30;
/** As in docker-compose.yml. */
const DRAIN_DELAY_MS = 5_000;

t.test('behind the proxy of docker-compose.yml a node is taken out, and nobody is turned away', async (t) => {
  const [AMQP_URL, DATABASE_URL] = [await ownVhost(), await ownDatabase()];
  const env = {
    ...{ BROKER: 'rabbitmq', AMQP_URL, STORE: 'postgres', DATABASE_URL },
    ...{ GRACE_MS: '20000', DRAIN_DELAY_MS: String(DRAIN_DELAY_MS) },
  };
  const nodes = await Promise.all([startParlor(env), startParlor(env), startParlor(env)] as const);
  const [first] = nodes;
  t.teardown(() => Promise.all(nodes.map((node) => node.end('SIGKILL'))));
  const proxy = await startHaproxy(nodes.map(({ port }) => port));
  t.teardown(() => proxy.close());
  const url = `127.0.0.1:${proxy.port}`;
  const ready = () => fetch(`http://${url}/health/ready`).then(({ status }) => status === 200);
  await until(ready, { what: 'the proxy to have found a node' });
  const room = 'group:proxied';
  const policy = JSON.stringify({ capacity: null, post: 'anyone' });
  await fetch(`http://${url}/api/rooms/${room}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: policy,
  });

  const enter = async (n: number, since = 1): Promise<Client> => {
    const client = openClient(`ws://${url}/ws/updates/${room}?user=user-${n}&since=${since}`);
    await client.next('welcome');
    return client;
  };
  const clients = await Promise.all(oneTo(CLIENTS).map((n) => enter(n)));
  const connections = () =>
    Promise.all(nodes.map(async (node) => (await metrics(node))('parlor_connections')));
  const before = await connections();
  t.ok(
    Math.max(...before) - Math.min(...before) <= CLIENTS / 5,
    `connections of each node: ${before.join(', ')}`,
  );

  const now = { over: false };
  const statuses: number[] = [];
  const load = oneTo(4).map(async () => {
    while (!now.over) {
      const answer = await fetch(`http://${url}/api/rooms/${room}/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"text":"on and on"}',
      });
      await answer.text();
      statuses.push(answer.status);
    }
  });
  t.equal(await first.end('SIGTERM'), 0);
  const isOver = ({ socket }: Client): boolean => socket.readyState === WebSocket.CLOSED;
  await until(() => clients.filter(isOver).length === before[0], {
    what: 'the clients of that node to be told',
  });
  const after = await Promise.all(
    clients.map(async (client, i) => {
      if (!isOver(client)) return { client, seen: [] };
      t.equal((await client.closed).code, 1012);
      const seen = seqs(client);
      return { client: await enter(i + 1, seen.at(-1)), seen };
    }),
  );
  now.over = true;
  await Promise.all(load);
  t.same([...new Set(statuses)], [201], `${statuses.length} posts over HTTP`);
  for (const { client, seen } of after) {
    // The first seq is that of `room_opened`.
    await client.count('message', statuses.length - seen.length);
    t.same(
      [...seen, ...seqs(client)],
      oneTo(statuses.length).map((n) => n + 1),
    );
  }
});
