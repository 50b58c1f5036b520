import { connect } from 'amqplib';
import { commandQueue, declareTopology, EVENTS } from '../../adapters/rabbitmq/topology.js';
import { newId } from '../../engine/ids.js';
import { slotOf } from '../../engine/slots.js';
import { PARTITIONS } from './plan.js';

/*
 * The peer for posting over RabbitMQ: amqplib alone. It consumes the commands from the same queues, publishes an event
 * of the same bytes with a confirm, follows the events as every node does, answers and acknowledges, one message for
 * one post, as its tutorials do. It knows no rooms, keeps nothing, and does not look whether a post is a repeat.
 */
interface Post {
  readonly room_id: string;
  readonly id: string;
  readonly user: string;
  readonly text: string;
}

const PREFETCH = 256;

const model = await connect(process.argv[2] ?? '');
await declareTopology(model, PARTITIONS);
const out = await model.createConfirmChannel();
const events = await model.createChannel();
const { queue } = await events.assertQueue('', { exclusive: true });
await events.bindQueue(queue, EVENTS, '#');
await events.consume(
  queue,
  (event) => {
    if (!event) throw new Error('the queue of events was deleted');
    JSON.parse(event.content.toString());
  },
  { noAck: true },
);
let seq = 0;
for (let partition = 0; partition < PARTITIONS; partition++) {
  const channel = await model.createChannel();
  await channel.prefetch(PREFETCH);
  await channel.consume(commandQueue(partition), (command) => {
    if (!command) throw new Error('a queue was deleted');
    const { room_id, id, user, text } = JSON.parse(command.content.toString()) as Post;
    const message = {
      ...{ type: 'message_posted', event_id: newId(), room_id, seq: ++seq },
      ...{ at: new Date().toISOString(), id, user, text },
    };
    const body = Buffer.from(JSON.stringify([message]));
    const options = { persistent: true, contentType: 'application/json' };
    out.publish(EVENTS, String(slotOf(room_id)), body, options, (cause: unknown) => {
      if (cause !== null && cause !== undefined) throw new Error('an event was not confirmed');
      const { replyTo, correlationId } = command.properties as { replyTo: string; correlationId: string };
      const answer = Buffer.from(JSON.stringify({ type: 'posted', message }));
      out.publish('', replyTo, answer, { contentType: 'application/json', correlationId });
      channel.ack(command);
    });
  });
}
process.once('disconnect', () => process.exit(0));
process.send?.('ready');
