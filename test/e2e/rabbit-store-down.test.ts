import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { startPrivatePostgres } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { problemOf, readHistory, unready } from './support/chat.js';

const ROOM = 'channel:later';
const PATIENCE = { timeoutMs: 60_000 };
/** A post that were queued would be answered 202, and not before this. */
const REPLY_TIMEOUT_MS = 60_000;

t.setTimeout(180_000);

t.test(
  'with RabbitMQ, too, a post is refused while the store is down, and not carried out hours later',
  async (t) => {
    const postgres = await startPrivatePostgres();
    t.teardown(() => postgres.close());
    const parlor = await startParlor({
      BROKER: 'rabbitmq',
      AMQP_URL: await ownVhost(),
      STORE: 'postgres',
      DATABASE_URL: postgres.url,
      REPLY_TIMEOUT_MS: String(REPLY_TIMEOUT_MS),
    });
    t.teardown(() => parlor.end());
    const first = await parlor.post(ROOM, { user: 'service', text: 'before' });
    t.equal(first.status, 201);
    await postgres.kill();
    // Until somebody asks it, nobody knows.
    await until(async () => (await parlor.get('/api/rooms')).status === 503, {
      ...PATIENCE,
      what: 'a refusal',
    });
    await until(async () => (await unready(parlor)) !== null, { ...PATIENCE, what: 'the node to notice' });

    const id = randomUUID();
    const changes = [
      () => parlor.post(ROOM, { id, user: 'service', text: 'meanwhile' }),
      () => parlor.send('PUT', '/api/rooms/channel:new', {}),
      () => parlor.send('DELETE', `/api/rooms/${ROOM}`),
      () => parlor.send('DELETE', `/api/rooms/${ROOM}/members/alice`),
    ];
    for (const change of changes) {
      const answer = await change();
      t.equal(answer.status, 503);
      t.match(await problemOf(answer), { code: 'unavailable', detail: /cannot be stored now/ });
    }

    await postgres.start();
    await until(async () => (await unready(parlor)) === null, { ...PATIENCE, what: 'the store to be back' });
    const again = await parlor.post(ROOM, { id, user: 'service', text: 'meanwhile' });
    t.equal(again.status, 201);
    t.same(
      (await readHistory(parlor, ROOM)).map(({ text, seq }) => [text, seq]),
      [
        ['before', 1],
        ['meanwhile', 2],
      ],
    );
  },
);
