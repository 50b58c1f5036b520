import { connect, type ConsumeMessage } from 'amqplib';
import { COMMANDS } from '../../adapters/rabbitmq/topology.js';
import { newId } from '../../engine/ids.js';
import { partitionOf, slotOf } from '../../engine/slots.js';
import { emptyHistogram, quantilesOf, record } from '../load/http-latency.js';
import { PARTITIONS, type AmqpPlan, type FromAmqpPoster } from './plan.js';

/** One process that posts over RabbitMQ in a closed loop: durable commands, and for each answer the next one. */
const plan = JSON.parse(process.argv[2] ?? '{}') as AmqpPlan;
const text = 'x'.repeat(plan.textBytes);
const rooms = Array.from({ length: plan.rooms }, (_, room) => `channel:amqp-${room}`);
const sentAt = new Map<string, number>();
const latency = emptyHistogram();
const refused: Record<string, number> = {};
let posting = true;
let measuring = false;
let posts = 0;
let turn = 0;

const model = await connect(plan.url);
const channel = await model.createConfirmChannel();
const { queue } = await channel.assertQueue('', { exclusive: true });
await channel.consume(queue, answered, { noAck: true });

for (let i = 0; i < plan.inFlight; i++) post();
await pause(plan.warmUpMs);
say({ says: 'begun' });
measuring = true;
const begun = performance.now();
const cpu = process.cpuUsage();
await pause(plan.seconds * 1000);
measuring = false;
const seconds = (performance.now() - begun) / 1000;
const used = process.cpuUsage(cpu);
posting = false;
say({
  says: 'done',
  result: {
    ...{ posts, refused, seconds },
    cpuSeconds: (used.user + used.system) / 1e6,
    latency: quantilesOf(latency),
  },
});
process.once('disconnect', () => process.exit(0));

function post(): void {
  const room_id = rooms[turn++ % rooms.length] ?? '';
  const id = newId();
  sentAt.set(id, performance.now());
  const key = String(partitionOf(slotOf(room_id), PARTITIONS));
  const body = Buffer.from(JSON.stringify({ type: 'post', room_id, id, user: 'service', text }));
  channel.publish(
    COMMANDS,
    key,
    body,
    { persistent: true, contentType: 'application/json', replyTo: queue, correlationId: id },
    (cause: unknown) => {
      if (cause !== null && cause !== undefined) throw new Error('a command was not confirmed');
    },
  );
}

function answered(message: ConsumeMessage | null): void {
  if (!message) throw new Error('the reply queue was deleted');
  const id = String(message.properties.correlationId);
  const sent = sentAt.get(id);
  if (sent === undefined) throw new Error(`an answer to what was not asked, or a second one: ${id}`);
  sentAt.delete(id);
  const answer = JSON.parse(message.content.toString()) as { type: string; code?: string };
  if (measuring) {
    if (answer.type === 'posted') posts++;
    else refused[answer.code ?? answer.type] = (refused[answer.code ?? answer.type] ?? 0) + 1;
    record(latency, (performance.now() - sent) * 1000);
  }
  if (posting) post();
}

function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}

function say(words: FromAmqpPoster): void {
  process.send?.(words);
}
