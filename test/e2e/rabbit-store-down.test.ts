import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import t from 'tap';
import { partitionOf, slotOf } from '../../engine/slots.js';
import { startParlor } from '../support/parlor.js';
import { startPrivatePostgres } from '../support/postgres.js';
import { ownVhost, startPrivateRabbit } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { unready } from './support/chat.js';

const ROOM = 'channel:store-down';
const PARTITIONS = 4;
const PATIENCE = { timeoutMs: 60_000 };
/** Longer than anything here takes: what is answered at all is not answered by a timeout. */
const REPLY_TIMEOUT_MS = 60_000;

interface Message {
  readonly text: string;
}

void t.test('PostgreSQL is away while commands come over HTTP, WebSocket and RabbitMQ', async (t) => {
  const [url, postgres] = [await ownVhost(), await startPrivatePostgres()];
  t.teardown(() => postgres.close());
  const parlor = await startParlor({
    BROKER: 'rabbitmq',
    AMQP_URL: url,
    PARTITIONS: String(PARTITIONS),
    STORE: 'postgres',
    DATABASE_URL: postgres.url,
    REPLY_TIMEOUT_MS: String(REPLY_TIMEOUT_MS),
  });
  t.teardown(() => parlor.end('SIGKILL'));
  const alice = await parlor.join(ROOM, 'user=alice');
  t.equal((await parlor.post(ROOM, { text: 'before' })).status, 201);
  const connection = await connect(url);
  t.teardown(() => connection.close());
  const channel = await connection.createConfirmChannel();

  await postgres.kill();
  await until(async () => (await unready(parlor)) !== null, { ...PATIENCE, what: 'the node to know' });

  const id = randomUUID();
  const refused = await parlor.post(ROOM, { text: 'over HTTP' });
  t.equal(refused.status, 503);
  t.equal(refused.headers.get('retry-after'), '1');
  const problem = JSON.stringify(await refused.json());
  t.match(problem, /nothing can be stored now, so nothing was accepted/);
  t.notMatch(problem, /127\.0\.0\.1/);
  alice.send({ type: 'post', text: 'over the WebSocket', id });
  t.match(await alice.next('error'), { code: 'unavailable', id });
  for (const [method, path, body] of [
    ['PUT', `/api/rooms/${ROOM}`, { capacity: 5 }],
    ['DELETE', `/api/rooms/${ROOM}`, undefined],
    ['DELETE', `/api/rooms/${ROOM}/members/alice`, undefined],
  ] as const)
    t.equal((await parlor.send(method, path, body)).status, 503, `${method} ${path}`);

  for (let i = 0; i < 20; i++) {
    const command = { type: 'post', room_id: ROOM, id: randomUUID(), user: 'service', text: `service ${i}` };
    const key = String(partitionOf(slotOf(ROOM), PARTITIONS));
    channel.publish('parlor.commands', key, Buffer.from(JSON.stringify(command)), { persistent: true });
  }
  await channel.waitForConfirms();

  await postgres.start();
  await until(async () => (await unready(parlor)) === null, {
    ...PATIENCE,
    what: 'the node to be ready again',
  });
  t.equal((await parlor.post(ROOM, { text: 'after' })).status, 201);
  const { messages } = (await (await parlor.get(`/api/rooms/${ROOM}/messages?after=0`)).json()) as {
    messages: Message[];
  };
  t.same(
    messages.map(({ text }) => text),
    ['before', ...Array.from({ length: 20 }, (_, i) => `service ${i}`), 'after'],
    'what was queued was carried out, in order, and what was refused was not',
  );
  await alice.count('message', messages.length);
  t.equal((await channel.checkQueue('parlor.dead')).messageCount, 0);
  t.equal(await parlor.end(), 0);
});

void t.test('PostgreSQL is away, connections to RabbitMQ are lost, and Parlor is killed', async (t) => {
  const [rabbit, postgres] = await Promise.all([startPrivateRabbit(), startPrivatePostgres()]);
  t.teardown(() => Promise.all([rabbit.close(), postgres.close()]));
  const settings = {
    BROKER: 'rabbitmq',
    AMQP_URL: rabbit.url,
    PARTITIONS: String(PARTITIONS),
    STORE: 'postgres',
    DATABASE_URL: postgres.url,
  };
  const parlor = await startParlor(settings);
  t.teardown(() => parlor.end('SIGKILL'));
  t.equal((await parlor.post(ROOM, { text: 'before' })).status, 201);
  await postgres.kill();
  await until(async () => /"store: /.test((await unready(parlor)) ?? ''), {
    ...PATIENCE,
    what: 'it to know',
  });
  const connection = await connect(rabbit.url);
  const channel = await connection.createConfirmChannel();
  for (let i = 0; i < 20; i++) {
    const command = { type: 'post', room_id: ROOM, id: randomUUID(), user: 'service', text: `${i}` };
    const key = String(partitionOf(slotOf(ROOM), PARTITIONS));
    channel.publish('parlor.commands', key, Buffer.from(JSON.stringify(command)), { persistent: true });
  }
  await channel.waitForConfirms();
  await connection.close();
  for (let i = 0; i < 6; i++) {
    await rabbit.ctl('close_all_connections', 'a test');
    const recovered = (): number =>
      parlor.logs.filter(({ msg }) => msg.startsWith('rabbitmq: recovered')).length;
    await until(() => recovered() > i, { ...PATIENCE, what: `it to connect again, time ${i + 1}` });
  }
  await parlor.end('SIGKILL');
  await postgres.start();

  const next = await startParlor(settings);
  t.teardown(() => next.end('SIGKILL'));
  const stored = async (): Promise<string[]> => {
    const answer = await next.get(`/api/rooms/${ROOM}/messages?after=0`);
    return ((await answer.json()) as { messages: Message[] }).messages.map(({ text }) => text);
  };
  await until(async () => (await stored()).length >= 21, {
    ...PATIENCE,
    what: 'all of them to be carried out',
  });
  t.same(await stored(), ['before', ...Array.from({ length: 20 }, (_, i) => `${i}`)]);
  const late = await connect(rabbit.url);
  t.equal((await (await late.createChannel()).checkQueue('parlor.dead')).messageCount, 0);
  await late.close();
  t.equal(await next.end(), 0);
});
