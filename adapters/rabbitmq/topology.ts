import type { Channel, ChannelModel } from 'amqplib';
import { errorText } from '../../engine/errors.js';
import { NotOurs } from './connection/not-ours.js';

/** The names of exchanges and queues. Part of the wire contract with foreign services. */
export const COMMANDS = 'parlor.commands';
export const EVENTS = 'parlor.events';
export const DEAD = 'parlor.dead';
/** For messages between nodes, not for foreign services. A node's queue is bound with `all` and with its id. */
export const NODES = 'parlor.nodes';
/** Marks to which store the virtual host belongs, see `cluster.ts`. */
export const CLUSTER = 'parlor.cluster';

/** The queue of a partition; its routing key in `parlor.commands` is the bare number. */
export function commandQueue(partition: number): string {
  return `${COMMANDS}.${partition}`;
}

/**
 * So high that the broker never dead-letters a command by itself. RabbitMQ 4.0 and newer would do so after 20 returns
 * (release notes 4.0.0), and every lost connection counts as one, so a few restarts would cost good commands. `-1` means
 * "no limit" only since 4.0: 3.x reads it as 0 (Particular/NServiceBus.RabbitMQ issue 1828), and an argument that depends on
 * the version could not be declared again after an upgrade. Parlor counts by itself: see `poison.ts`.
 */
const DELIVERY_LIMIT = 1_000_000;

/**
 * The backlog that a command queue may hold, bytes of bodies: some 200,000 posts, and 1 GiB of disk for 16 partitions. It
 * fills when no node consumes it, or when services publish while the nodes' stores are down. At the limit, which is not
 * exact, RabbitMQ refuses what is published; it never drops what it has confirmed.
 */
const COMMAND_BYTES = 64 * 1024 * 1024;

/** Dead letters are kept for operators to inspect, up to these limits: the oldest are dropped first. */
const DEAD_MESSAGES = 100_000;
const DEAD_BYTES = 256 * 1024 * 1024;

/**
 * Declares the exchanges and queues that all nodes and foreign services share. Harmless if they exist. Rejects with an
 * Error of one line that says what to do if another version of Parlor has declared one of them differently.
 */
export async function declareTopology(model: ChannelModel, partitions: number): Promise<void> {
  const channel = await model.createChannel();
  // The call rejects with the error; without a listener the event would end the process.
  channel.on('error', () => undefined);
  try {
    await declareAll(channel, partitions);
  } catch (cause) {
    const found = /inequivalent arg '([^']+)' for (queue|exchange) '([^']+)'/.exec(errorText(cause));
    if (!found) throw cause;
    const [, argument, what, name] = found;
    const advice = `the ${what} ${name} exists with another ${argument} than this version of Parlor declares`;
    throw new NotOurs(`${advice}; delete it when it is empty (docs/rabbitmq.md)`);
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
