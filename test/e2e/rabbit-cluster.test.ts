import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { startPrivatePostgres } from '../support/postgres.js';
import { freshVhost } from '../support/rabbitmq-private.js';
import { startRabbitCluster, type PrivateRabbit } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { readHistory } from './support/chat.js';
import { startSteady, type Steady } from './support/steady.js';

t.setTimeout(280_000);

const NODES = 3;
const ROOMS = Array.from({ length: 12 }, (_, i) => `channel:steady-${i}`);
/** Posts that each room has to take before the next thing happens. */
const MORE = 10;
const PATIENCE = { timeoutMs: 60_000 };

/** Resolves when every room has taken some posts more. */
async function goesOn(all: readonly Steady[], when: string): Promise<void> {
  const before = all.map(({ posted }) => posted.length);
  await until(() => all.every(({ posted }, i) => posted.length >= (before[i] ?? 0) + MORE), {
    ...PATIENCE,
    what: `posts to go on ${when}`,
  });
}

/** Resolves when every quorum queue has all its replicas again. */
async function replicated(rabbit: PrivateRabbit, vhost: string): Promise<void> {
  const name = decodeURIComponent(new URL(vhost).pathname.slice(1));
  await until(
    async () => {
      const printed = await rabbit.ctl('-q', 'list_queues', '-p', name, 'type', 'online');
      const quorum = printed.split('\n').filter((line) => line.includes('quorum'));
      return quorum.length > 0 && quorum.every((line) => (line.match(/@/g) ?? []).length === NODES);
    },
    { ...PATIENCE, what: 'every queue to have its replicas' },
  );
}

t.test(
  'a RabbitMQ of three loses one of its nodes after the other under load, and nothing is lost',
  async (t) => {
    const [rabbits, postgres] = await Promise.all([startRabbitCluster(NODES), startPrivatePostgres()]);
    t.teardown(() => Promise.all([...rabbits.map((one) => one.close()), postgres.close()]));
    const [first] = rabbits;
    if (!first) throw new Error('no RabbitMQ');
    const vhost = await freshVhost(first);
    const path = new URL(vhost).pathname;
    // Each node has another one first in its list.
    const parlors = await Promise.all(
      rabbits.map((_, n) =>
        startParlor({
          BROKER: 'rabbitmq',
          AMQP_URL: rabbits.map((_, i) => `${rabbits[(i + n) % NODES]?.url}${path}`).join(','),
          STORE: 'postgres',
          DATABASE_URL: postgres.url,
          REPLY_TIMEOUT_MS: '1000',
        }),
      ),
    );
    t.teardown(() => Promise.all(parlors.map((one) => one.end('SIGKILL'))));
    await replicated(first, vhost);
    const at = (n: number): Parlor => {
      const parlor = parlors[n % NODES];
      if (!parlor) throw new Error('no such node');
      return parlor;
    };
    const members = await Promise.all(ROOMS.map((room, i) => at(i + 1).join(room, 'user=alice')));
    const all = ROOMS.map((room, i) => startSteady(at(i), room));
    await goesOn(all, 'at the start');
    for (const [n, rabbit] of rabbits.entries()) {
      for (const one of all) one.forget();
      await rabbit.kill();
      await goesOn(all, `without RabbitMQ ${n + 1}`);
      const longest = Math.max(...all.map((one) => one.longest));
      t.comment(`RabbitMQ ${n + 1} killed: longest wait for a 201 ${Math.round(longest)} ms`);
      await rabbit.startBroker();
      await replicated(rabbit, vhost);
    }
    await goesOn(all, 'at the end');
    await Promise.all(all.map((one) => one.stop()));

    const wrong: string[] = [];
    for (const [i, { room, posted }] of all.entries()) {
      const stored = (await readHistory(at(i), room)).map(({ id }) => id);
      if (stored.join() !== posted.join())
        wrong.push(`${room}: ${posted.length} posted, ${stored.length} stored`);
      const seen = (await members[i]?.count('message', posted.length)) ?? [];
      if (seen.length !== posted.length) wrong.push(`${room}: ${posted.length} posted, ${seen.length} seen`);
    }
    t.same(wrong, [], 'every post is there once, in the order in which it was sent, and was seen');
    const posts = all.reduce((sum, { posted }) => sum + posted.length, 0);
    t.comment(`${posts} posts`);
  },
);
