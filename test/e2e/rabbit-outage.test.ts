import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { startParlor, type Client, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { startServers, type Servers } from './support/cluster.js';

/** Other rooms for each outage. */
function roomsOf(outage: number): string[] {
  return Array.from({ length: 5 }, (_, i) => `channel:outage-${outage}-${i}`);
}

/** What is stopped or killed, and for how long. Killed, it has to recover from what it had written. */
const OUTAGES = [
  {
    name: 'RabbitMQ is stopped for 10 s',
    ms: 10_000,
    go: ({ rabbit }: Servers) => rabbit.stopBroker(),
    comeBack: ({ rabbit }: Servers) => rabbit.startBroker(),
  },
  {
    name: 'RabbitMQ is killed with SIGKILL',
    ms: 0,
    go: ({ rabbit }: Servers) => rabbit.kill(),
    comeBack: ({ rabbit }: Servers) => rabbit.startBroker(),
  },
  {
    name: 'RabbitMQ and PostgreSQL are killed with SIGKILL',
    ms: 0,
    go: ({ rabbit, postgres }: Servers) => Promise.all([rabbit.kill(), postgres.kill()]),
    comeBack: ({ rabbit, postgres }: Servers) => Promise.all([rabbit.startBroker(), postgres.start()]),
  },
] as const;

/** What a service was told about a message it posted, and whether RabbitMQ was known to be away when it did. */
interface Told {
  readonly id: string;
  readonly room: string;
  readonly status: number;
  readonly away: boolean;
}

/** A service that posts one message after the other into a room, and never twice, until told to stop. */
async function keepPosting(
  parlor: Parlor,
  room: string,
  now: { away: boolean; over: boolean; toldAway: number },
): Promise<Told[]> {
  const told: Told[] = [];
  while (!now.over) {
    const id = randomUUID();
    const { away } = now;
    const answer = await parlor.post(room, { id, text: `message ${told.length}` });
    await answer.text();
    told.push({ id, room, status: answer.status, away: away && now.away });
    if (away && now.away) now.toldAway++;
  }
  return told;
}

async function history(parlor: Parlor, room: string): Promise<{ id: string; seq: number }[]> {
  const all: { id: string; seq: number }[] = [];
  for (let after: number | null = 0; after !== null;) {
    const answer = await parlor.get(`/api/rooms/${room}/messages?limit=200&after=${after}`);
    const page = (await answer.json()) as { messages: { id: string; seq: number }[]; next: number | null };
    all.push(...page.messages);
    after = page.next;
  }
  return all;
}

async function posted(parlor: Parlor): Promise<number> {
  const metrics = await (await parlor.get('/metrics')).text();
  return Number(/^parlor_messages_total (\d+)/m.exec(metrics)?.[1] ?? 0);
}

t.setTimeout(240_000);

t.test('a node on RabbitMQ and PostgreSQL, under load', async (t) => {
  const servers = await startServers();
  t.teardown(() => servers.close());
  const parlor = await startParlor({
    BROKER: 'rabbitmq',
    AMQP_URL: servers.rabbit.url,
    PARTITIONS: '4',
    REPLY_TIMEOUT_MS: '1000',
    STORE: 'postgres',
    DATABASE_URL: servers.postgres.url,
  });
  t.teardown(() => parlor.end('SIGKILL'));
  // The clean stop comes first. RabbitMQ 3.10.8 loses a quorum queue that is killed a moment after it was declared:
  // consuming from it hangs for ever, with any client.
  for (const [n, outage] of OUTAGES.entries())
    await t.test(`${outage.name} and comes back: what was accepted is there, once, in order`, (t) =>
      survives(t, servers, parlor, outage, roomsOf(n)),
    );
});

async function survives(
  t: Test,
  servers: Servers,
  parlor: Parlor,
  outage: (typeof OUTAGES)[number],
  rooms: readonly string[],
): Promise<void> {
  const members: Client[] = await Promise.all(rooms.map((room) => parlor.join(room, 'user=reader')));

  const already = await posted(parlor);
  const now = { away: false, over: false, toldAway: 0 };
  const services = rooms.flatMap((room) => [keepPosting(parlor, room, now), keepPosting(parlor, room, now)]);
  await until(async () => (await posted(parlor)) > already + 500, {
    timeoutMs: 30_000,
    what: 'messages to flow',
  });

  await outage.go(servers);
  const stopped = performance.now();
  await until(async () => (await parlor.get('/health/ready')).status === 503, {
    what: 'readiness to say no',
  });
  now.away = true;
  const unready = (await (await parlor.get('/health/ready')).json()) as { code: string; detail: string };
  t.equal(unready.code, 'unavailable');
  t.match(unready.detail, /^broker: /, `readiness says why: ${unready.detail}`);
  t.equal((await parlor.get('/health')).status, 200, 'the process is alive all the same');
  await until(() => performance.now() - stopped > outage.ms && now.toldAway >= services.length, {
    timeoutMs: 20_000,
    what: 'the outage to be over',
  });
  now.away = false;
  await outage.comeBack(servers);

  await until(async () => (await parlor.get('/health/ready')).status === 200, {
    timeoutMs: 30_000,
    what: 'Parlor to be ready again',
  });
  const before = await posted(parlor);
  await until(async () => (await posted(parlor)) > before + 200, {
    timeoutMs: 30_000,
    what: 'messages to flow again',
  });
  now.over = true;
  const told = (await Promise.all(services)).flat();

  const count = (status: number): number => told.filter((one) => one.status === status).length;
  t.comment(`answers: 201 × ${count(201)}, 202 × ${count(202)}, 503 × ${count(503)}`);
  t.equal(count(201) + count(202) + count(503), told.length, 'every post was answered 201, 202 or 503');
  const whileAway = told.filter(({ away }) => away);
  t.ok(whileAway.length > 0, 'posts were answered while RabbitMQ was away');
  t.strictSame(
    [...new Set(whileAway.map(({ status }) => status))],
    [503],
    'and none of them was said to be accepted',
  );

  const accepted = told.filter(({ status }) => status !== 503);
  await until(
    async () => {
      const stored = new Set(
        (await Promise.all(rooms.map((room) => history(parlor, room)))).flat().map(({ id }) => id),
      );
      return accepted.every(({ id }) => stored.has(id));
    },
    { timeoutMs: 30_000, intervalMs: 250, what: 'every accepted message to be stored' },
  );
  t.pass('no accepted message was lost');
  const refusedAway = new Set(whileAway.map(({ id }) => id));
  for (const [i, room] of rooms.entries()) {
    const stored = await history(parlor, room);
    const seen = (await (members[i] as Client).count('message', stored.length)).map(({ id, seq }) => ({
      id,
      seq,
    }));
    t.equal(new Set(stored.map(({ id }) => id)).size, stored.length, `${room}: none is there twice`);
    t.strictSame(
      seen,
      stored.map(({ id, seq }) => ({ id, seq })),
      `${room}: its member saw just what is stored, in order`,
    );
    t.strictSame(
      stored.map(({ seq }) => seq),
      stored.map((_, at) => at + 1),
      `${room}: seq has no gap`,
    );
    t.notOk(
      stored.some(({ id }) => refusedAway.has(id)),
      `${room}: what was refused meanwhile is not there`,
    );
  }
}
