/** Answers `!help` in every room, over RabbitMQ alone: also those that were posted while it did not run. */
import { connect } from 'amqplib';
import { setTimeout as delay } from 'node:timers/promises';
import { v5 as uuidFrom } from 'uuid';

/** As the nodes have it. */
const PARTITIONS = Number(process.env.PARTITIONS ?? 16);
const EVENTS = 'example.help.events';
const DAY_MS = 86_400_000;

/** The routing key of a room's commands. */
function partitionOf(roomId) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(roomId)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return String((hash % 1024) % PARTITIONS);
}

/** Called again whenever the connection was lost and is there again. */
async function setup(connection) {
  const channel = await connection.createConfirmChannel();
  let isOpen = true;
  channel.once('close', () => (isOpen = false));
  await channel.prefetch(50);

  // A queue that stays and collects what happens while we are away, for a day at most: nobody else empties it.
  const stays = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': DAY_MS } };
  await channel.assertQueue(EVENTS, stays);
  await channel.bindQueue(EVENTS, 'parlor.events', '#');
  const replies = await channel.assertQueue('', { exclusive: true });

  /** Resolves when the command is durable in RabbitMQ; rejects if RabbitMQ has refused it or is gone. */
  function send(command) {
    return new Promise((resolve, reject) => {
      const properties = { persistent: true, replyTo: replies.queue, correlationId: command.id };
      const body = Buffer.from(JSON.stringify(command));
      channel.publish('parlor.commands', partitionOf(command.room_id), body, properties, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  async function handle({ content, properties }) {
    // Newer than we know: better skipped than misread.
    if ((properties.headers['x-parlor-version'] ?? 1) > 1) return;
    for (const { type, event_id, room_id, text } of JSON.parse(content)) {
      if (type !== 'message_posted' || text !== '!help') continue;
      // The id comes from the question's: when an event is delivered twice, its answer is still posted once.
      const id = uuidFrom('help', event_id);
      await send({ type: 'post', room_id, id, user: 'help', text: 'Ask in the lobby.' });
    }
  }

  await channel.consume(EVENTS, async (delivery) => {
    // null: the queue was deleted. A supervisor starts us again.
    if (delivery === null) process.exit(1);
    try {
      await handle(delivery);
      // Only now: had we ended before, RabbitMQ would deliver it again.
      if (isOpen) channel.ack(delivery);
    } catch (error) {
      console.error(error.message);
      await delay(1_000);
      if (isOpen) channel.nack(delivery);
    }
  });
  const answered = ({ content }) => console.log(content.toString());
  await channel.consume(replies.queue, (reply) => reply && answered(reply), { noAck: true });
  console.log('listening');
}

const connection = await connect(process.env.AMQP_URL ?? 'amqp://localhost', {
  recovery: { initialMaxRetries: 5, maxRetries: Infinity, setup },
});
connection.on('error', (error) => console.error(error.message));
connection.on('disconnect', (error) => console.error(`disconnected: ${error?.message}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
