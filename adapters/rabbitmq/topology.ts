import type { Channel, ChannelModel } from 'amqplib';
import { errorText } from '../../engine/errors.js';
import { NotOurs } from './connection/not-ours.js';

/** What stands in the broker, by name. Part of the wire contract with foreign services. */
export const COMMANDS = 'parlor.commands';
export const EVENTS = 'parlor.events';
export const DEAD = 'parlor.dead';
/** What nodes say to each other; nothing for foreign services. A node's queue is bound with `all` and with its id. */
export const NODES = 'parlor.nodes';
/** Says whose virtual host it is, see `cluster.ts`. */
export const CLUSTER = 'parlor.cluster';

/** The queue of a partition; its routing key in `parlor.commands` is the bare number. */
export function commandQueue(partition: number): string {
  return `${COMMANDS}.${partition}`;
}

/**
 * High enough that the broker never dead-letters a command by itself. RabbitMQ ≥ 4.0 would do so after 20 returns
 * (release notes 4.0.0), and counts every lost connection as one, so a few restarts would take good commands along.
 * `-1` says "no limit" since 4.0 only: 3.x reads it as 0 (Particular/NServiceBus.RabbitMQ issue 1828), and an
 * argument that differs between versions could not be declared again after an upgrade. Parlor counts for itself:
 * see `poison.ts`.
 */
const DELIVERY_LIMIT = 1_000_000;

/**
 * What may wait in a command queue, bytes of bodies: some 200,000 posts, and 1 GiB of disk for 16 partitions. It fills
 * when no node takes commands, or when services publish while the nodes' stores are down. At the limit RabbitMQ refuses
 * what is published, roughly: it never drops what it has confirmed.
 */
const COMMAND_BYTES = 64 * 1024 * 1024;

/** Dead letters are kept for somebody to look at, not for ever: the oldest go first. */
const DEAD_MESSAGES = 100_000;
const DEAD_BYTES = 256 * 1024 * 1024;

/**
 * Declares what every node and every foreign service shares. Harmless when it stands already. Rejects with one line that
 * says what to do if something of the same name stands that another version of Parlor has declared.
 */
export async function declareTopology(model: ChannelModel, partitions: number): Promise<void> {
  const channel = await model.createChannel();
  // What is wrong comes as the rejection of the call; the event would end the process if nobody listened.
  channel.on('error', () => undefined);
  try {
    await declareAll(channel, partitions);
  } catch (cause) {
    const found = /inequivalent arg '([^']+)' for (queue|exchange) '([^']+)'/.exec(errorText(cause));
    if (!found) throw cause;
    const [, argument, what, name] = found;
    const advice = `the ${what} ${name} stands with another ${argument} than this version of Parlor declares`;
    throw new NotOurs(`${advice}; delete it when it is empty (README, On RabbitMQ)`);
  }
  await channel.close();
}

async function declareAll(channel: Channel, partitions: number): Promise<void> {
  await channel.assertExchange(COMMANDS, 'direct', { durable: true });
  await channel.assertExchange(EVENTS, 'topic', { durable: true });
  await channel.assertExchange(DEAD, 'fanout', { durable: true });
  await channel.assertExchange(NODES, 'direct', { durable: true });
  await channel.assertQueue(DEAD, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-max-length': DEAD_MESSAGES,
      'x-max-length-bytes': DEAD_BYTES,
      'x-delivery-limit': DELIVERY_LIMIT,
    },
  });
  await channel.bindQueue(DEAD, DEAD, '');
  for (let partition = 0; partition < partitions; partition++) {
    await channel.assertQueue(commandQueue(partition), {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-single-active-consumer': true,
        'x-delivery-limit': DELIVERY_LIMIT,
        'x-dead-letter-exchange': DEAD,
        'x-max-length-bytes': COMMAND_BYTES,
        'x-overflow': 'reject-publish',
      },
    });
    await channel.bindQueue(commandQueue(partition), COMMANDS, String(partition));
  }
}
