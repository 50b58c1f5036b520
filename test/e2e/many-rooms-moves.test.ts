import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';
import { joinRooms, type RoomsClient } from './support/rooms.js';

t.setTimeout(180_000);

const ROOMS = oneTo(12).map((n) => `channel:${n}`);
/** Messages of each room before and after its home moves. */
const EACH = 30;

/** Posts until it is acknowledged, always with the same id. */
async function insist(client: RoomsClient, room: string, text: string): Promise<void> {
  const id = randomUUID();
  const answered = (): boolean => client.in(room, 'ack').some((frame) => frame['id'] === id);
  const refused = (): number => client.in(room, 'error').filter((frame) => frame['id'] === id).length;
  const deadline = performance.now() + 60_000;
  for (let tries = 0; !answered(); tries++) {
    if (performance.now() > deadline) throw new Error(`${text} is not acknowledged in ${room}`);
    client.send({ type: 'post', room, text, id });
    const queued = (): boolean =>
      client.in(room, 'queued').filter((frame) => frame['id'] === id).length > tries;
    await until(() => answered() || queued() || refused() > tries, {
      timeoutMs: 60_000,
      what: () => `an answer to ${text} in ${room}`,
    });
  }
}

t.test('rooms move to another home while one socket is subscribed to all of them', async (t) => {
  const shared = {
    ...{ BROKER: 'rabbitmq', AMQP_URL: await ownVhost(), PARTITIONS: '8' },
    ...{ STORE: 'postgres', DATABASE_URL: await ownDatabase(), DATABASE_POOL: '1' },
    REPLY_TIMEOUT_MS: '1000',
  };
  const start = async (ROLE: string): Promise<Parlor> => {
    const parlor = await startParlor({ ...shared, ROLE });
    t.teardown(() => parlor.end('SIGKILL'));
    return parlor;
  };
  const [first, second, edge] = [await start('home'), await start('home'), await start('edge')];
  const alice = await joinRooms(edge, 'user=alice');
  const bob = await joinRooms(edge, 'user=bob');
  for (const room of ROOMS) {
    alice.subscribe(room, 0);
    bob.subscribe(room, 0);
  }
  for (const room of ROOMS) await Promise.all([alice.heard(room, 'welcome'), bob.heard(room, 'welcome')]);
  const talk = (): Promise<unknown> =>
    Promise.all(
      ROOMS.map(async (room) => {
        for (const n of oneTo(EACH)) await insist(bob, room, `${n}`);
      }),
    );
  await talk();
  const talking = talk();
  await alice.count('message', (EACH + 2) * ROOMS.length);
  await first.end('SIGKILL');
  await talking;
  for (const room of ROOMS) {
    const seqs = (await alice.heard(room, 'message', 2 * EACH)).map(({ seq }) => seq);
    t.strictSame(seqs, oneTo(2 * EACH), `${room}: everything, once and in order`);
    t.strictSame(alice.in(room, 'unsubscribed'), [], 'and nobody lost a seat');
  }
  alice.unsubscribe('channel:1');
  await alice.heard('channel:1', 'unsubscribed');
  await until(
    async () =>
      ((await (await second.get('/api/rooms/channel:1')).json()) as { member_count: number }).member_count ===
      1,
    {
      timeoutMs: 30_000,
      what: 'her seat to be free',
    },
  );
});
