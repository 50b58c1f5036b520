import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import t from 'tap';
import { partitionOf, slotOf } from '../../engine/slots.js';
import { startParlor } from '../support/parlor.js';
import { startPrivateRabbit, type PrivateRabbit } from '../support/rabbitmq.js';
import { until } from '../support/until.js';

const PARTITIONS = 4;
const COMMANDS = 10_000;
const ROOMS = Array.from({ length: 50 }, (_, i) => `channel:alarm-${i}`);

/** Messages in all command queues, delivered or not. */
async function queued(rabbit: PrivateRabbit): Promise<number> {
  const rows = await rabbit.ctl('-q', '--no-table-headers', 'list_queues', 'name', 'messages');
  return rows
    .split('\n')
    .filter((row) => row.startsWith('parlor.commands.'))
    .reduce((sum, row) => sum + Number(row.split('\t')[1]), 0);
}

/** A service that posts over AMQP, each command a message of its own. */
async function postAll(rabbit: PrivateRabbit): Promise<void> {
  const connection = await connect(rabbit.url);
  const channel = await connection.createConfirmChannel();
  for (let i = 0; i < COMMANDS; i++) {
    const room_id = ROOMS[i % ROOMS.length] ?? '';
    const command = { type: 'post', room_id, id: randomUUID(), user: 'service', text: `message ${i}` };
    const key = String(partitionOf(slotOf(room_id), PARTITIONS));
    channel.publish('parlor.commands', key, Buffer.from(JSON.stringify(command)), { persistent: true });
  }
  await channel.waitForConfirms();
  await connection.close();
}

void t.test(
  'RabbitMQ is short of memory because nobody takes its commands',
  { timeout: 240_000 },
  async (t) => {
    const rabbit = await startPrivateRabbit();
    t.teardown(() => rabbit.close());
    const settings = { BROKER: 'rabbitmq', AMQP_URL: rabbit.url, PARTITIONS: String(PARTITIONS) };
    const first = await startParlor(settings);
    t.equal(await first.end(), 0);
    await postAll(rabbit);
    await until(async () => (await queued(rabbit)) === COMMANDS, { what: 'all of them to be counted' });
    await rabbit.ctl('set_vm_memory_high_watermark', '0');
    t.teardown(() => rabbit.ctl('set_vm_memory_high_watermark', '0.4'));

    const parlor = await startParlor(settings);
    t.teardown(() => parlor.end('SIGKILL'));
    const begun = performance.now();
    await until(async () => (await queued(rabbit)) === 0, {
      timeoutMs: 120_000,
      intervalMs: 500,
      what: 'the node to empty the queues',
    });
    t.comment(`${COMMANDS} commands in ${Math.round(performance.now() - begun)} ms`);
    const unready = await parlor.get('/health/ready');
    t.equal(unready.status, 503, 'new posts would have no way');
    t.match(await unready.json(), { detail: /accepts nothing/ });
    const heads = await Promise.all(
      ROOMS.map(async (room) => {
        const page = (await (await parlor.get(`/api/rooms/${room}/messages?limit=200`)).json()) as {
          messages: { seq: number; text: string }[];
        };
        const order = page.messages.map(({ text }) => Number(text.split(' ')[1]));
        t.same(
          order,
          [...order].sort((a, b) => a - b),
          `${room}: in the order in which they were sent`,
        );
        return page.messages.at(-1)?.seq ?? 0;
      }),
    );
    t.equal(
      heads.reduce((sum, head) => sum + head, 0),
      COMMANDS,
      'every command is carried out once',
    );

    await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
    await until(async () => (await parlor.get('/health/ready')).status === 200, {
      timeoutMs: 30_000,
      what: 'readiness',
    });
    t.equal((await parlor.post(ROOMS[0] ?? '', { text: 'afterwards' })).status, 201);
    t.equal(await parlor.end(), 0);
  },
);
