import { connect } from 'amqplib';
import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { startPrivateRabbit } from '../support/rabbitmq.js';
import { until } from '../support/until.js';

const PARTITIONS = 4;

t.test('a broker that goes wrong takes no node with it', async (t) => {
  const rabbit = await startPrivateRabbit();
  t.teardown(() => rabbit.close());
  const settings = { BROKER: 'rabbitmq', AMQP_URL: rabbit.url, PARTITIONS: String(PARTITIONS) };

  t.test('its queues are deleted under load: the node declares them again and goes on', async (t) => {
    const parlor = await startParlor({ ...settings, REPLY_TIMEOUT_MS: '500' });
    t.teardown(() => parlor.end('SIGKILL'));
    const rooms = Array.from({ length: 8 }, (_, i) => `channel:broken-${i}`);
    for (const room of rooms) await parlor.post(room, { text: 'first' });
    const now = { over: false, answers: 0 };
    // Closing a closed room with a purge is staged in the journal; asking for a room is answered at once.
    const load = rooms.flatMap((room) =>
      [`/api/rooms/${room}?purge=true`, `/api/rooms/${room}`].map(async (path, i) => {
        while (!now.over) {
          await (await parlor.send(i === 0 ? 'DELETE' : 'GET', path)).text();
          now.answers++;
        }
      }),
    );
    const connection = await connect(rabbit.url);
    const channel = await connection.createChannel();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const before = now.answers;
      await until(() => now.answers > before + 100, { timeoutMs: 30_000, what: 'the load to flow' });
      await channel.deleteQueue(`parlor.commands.${partition}`);
    }
    await connection.close();
    const before = now.answers;
    await until(() => now.answers > before + 100, { timeoutMs: 30_000, what: 'the load to flow again' });
    now.over = true;
    await Promise.all(load);
    await until(async () => (await parlor.get('/health/ready')).status === 200, {
      what: 'readiness',
      timeoutMs: 30_000,
    });
    t.equal((await parlor.post('channel:afterwards', { text: 'hello' })).status, 201);
    t.notOk(
      parlor.logs.some(({ msg }) => msg.startsWith('room: crashed')),
      'and no room is blamed for it',
    );
    t.equal(await parlor.end(), 0);
  });

  t.test('it accepts nothing any more: a node that is told to stop stops', async (t) => {
    const parlor = await startParlor({ ...settings, DRAIN_MS: '500' });
    t.teardown(() => parlor.end('SIGKILL'));
    const alice = await parlor.join('42', 'user=alice');
    await rabbit.ctl('set_vm_memory_high_watermark', '0');
    t.teardown(() => rabbit.ctl('set_vm_memory_high_watermark', '0.4'));
    const ready = (): Promise<Response> => parlor.get('/health/ready');
    await until(
      async () => {
        // RabbitMQ blocks a connection when it next publishes.
        alice.send({ type: 'typing' });
        return (await ready()).status === 503;
      },
      { timeoutMs: 30_000, what: 'the broker to block' },
    );
    t.match(await (await ready()).json(), { detail: /accepts nothing/ });
    const post = parlor.post('42', { text: 'into the void' });
    t.equal(await parlor.end(), 1, 'and says that not everything could be finished');
    t.equal((await alice.closed).code, 1012);
    t.match((await post).status, 503);
  });
});
