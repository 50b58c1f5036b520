import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { BODIES } from './amqp-post.js';

/*
 * The peer for posting over RabbitMQ: nothing but amqplib, poster and home of the room in one process. A post is a
 * persistent command to a durable quorum queue, confirmed; its consumer answers to the reply queue, publishes the event
 * to a topic exchange, confirmed, and then acknowledges, as Parlor does. One connection with a channel for each task,
 * prefetch 256, a message for each post. A post is done when its confirm and its answer are in.
 */
interface Orders {
  readonly url: string;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly seconds: number;
}

const COMMANDS = 'bare.commands';
const EVENTS = 'bare.events';
const PREFETCH = 256;

/** A post under way. */
interface Post {
  readonly sentAt: number;
  confirmed: boolean;
  answered: boolean;
}

const fail = (cause: unknown): never => {
  process.stderr.write(`amqp-bare: ${String(cause)}\n`);
  process.exit(1);
};

async function confirmChannel(model: ChannelModel): Promise<ConfirmChannel> {
  const channel = await model.createConfirmChannel();
  channel.on('error', fail);
  return channel;
}

async function serve(model: ChannelModel): Promise<void> {
  const [answers, events] = [await confirmChannel(model), await confirmChannel(model)];
  const commands = await model.createChannel();
  commands.on('error', fail);
  await commands.assertQueue(COMMANDS, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
  });
  // What a run before this one left under way.
  await commands.purgeQueue(COMMANDS);
  await commands.assertExchange(EVENTS, 'topic', { durable: true });
  await commands.prefetch(PREFETCH);
  await commands.consume(COMMANDS, (message) => {
    if (message === null) return fail('the queue was deleted');
    const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string };
    answers.publish('', replyTo, BODIES.answer, { contentType: 'application/json', correlationId });
    events.publish(
      EVENTS,
      '0',
      BODIES.event,
      { persistent: true, contentType: 'application/json' },
      (cause: unknown) => {
        if (cause) return fail(cause);
        commands.ack(message);
      },
    );
  });
}

async function post(model: ChannelModel, orders: Orders, done: (ms: number) => void): Promise<void> {
  const replies = await model.createChannel();
  replies.on('error', fail);
  const { queue: replyTo } = await replies.assertQueue('', {
    exclusive: true,
    autoDelete: true,
    durable: false,
  });
  const channel = await confirmChannel(model);
  const open = new Map<string, Post>();
  let count = 0;

  function next(): void {
    const correlationId = String(++count);
    const one: Post = { sentAt: performance.now(), confirmed: false, answered: false };
    open.set(correlationId, one);
    const options = { persistent: true, contentType: 'application/json', replyTo, correlationId };
    channel.publish('', COMMANDS, BODIES.command, options, (cause: unknown) => {
      if (cause) return fail(cause);
      one.confirmed = true;
      if (one.answered) finish(correlationId, one);
    });
  }

  function finish(correlationId: string, { sentAt }: Post): void {
    open.delete(correlationId);
    done(performance.now() - sentAt);
    next();
  }

  await replies.consume(
    replyTo,
    (message) => {
      const correlationId = String(message?.properties.correlationId);
      const one = open.get(correlationId);
      if (!one) return;
      one.answered = true;
      if (one.confirmed) finish(correlationId, one);
    },
    { noAck: true },
  );
  for (let i = 0; i < orders.inFlight; i++) next();
}

const pause = (ms: number): Promise<void> => new Promise((over) => setTimeout(over, ms));

const orders = JSON.parse(process.argv[2] ?? '{}') as Orders;
const model = await connect(orders.url, { noDelay: true }).catch(fail);
model.on('error', fail);
let latencies: number[] = [];
process.once('disconnect', () => process.exit(0));
await serve(model);
await post(model, orders, (ms) => void latencies.push(ms));
await pause(orders.warmUpMs);
latencies = [];
const begun = performance.now();
const cpu = process.cpuUsage();
process.send?.('begun');
await pause(orders.seconds * 1000);
const used = process.cpuUsage(cpu);
const measured = Float64Array.from(latencies).sort();
const quantile = (part: number): number => measured[Math.ceil(part * measured.length) - 1] ?? NaN;
process.send?.({
  postsPerSecond: measured.length / ((performance.now() - begun) / 1000),
  p50: quantile(0.5),
  p99: quantile(0.99),
  cpuSeconds: (used.user + used.system) / 1e6,
});
// Killed by whoever started it, so that nothing of its end is measured.
