import type { Channel, ChannelModel, Options } from 'amqplib';
import { errorText } from '../../engine/errors.js';
import type { Clock, Log, StoreIdentity } from '../../engine/ports.js';
import type { Part } from './connection/link.js';
import { NotOurs } from './connection/not-ours.js';
import { closeChannel } from './connection/publisher.js';
import { CLUSTER, DEAD } from './topology.js';

interface Parts {
  readonly nodeId: string;
  /** Called for each connection. */
  readonly store: () => StoreIdentity;
  readonly partitions: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly broken: (reason: string) => void;
}

/**
 * How long an exclusive marker may belong to a dead connection that RabbitMQ has not noticed yet, ms. With this adapter's
 * heartbeat RabbitMQ notices within 3 s (see HEARTBEAT_S), but `?heartbeat=` may be longer.
 */
const LOCKED_MS = 8_000;

/**
 * Makes sure that a virtual host has one store and one number of partitions. With two stores, each would get some of the
 * commands and know nothing of the others; with two numbers of partitions, a room would have two homes.
 *
 * The first node declares a queue whose arguments name its store and its number of partitions. When other nodes declare it
 * again, RabbitMQ compares the arguments, and refuses different ones (406, with both values in its text), however many
 * nodes do so at once. The dead-letter routing key serves as the free text to compare; it is never used as such, since no
 * message ever goes through the queue. Each node consumes it, which shows how many there are (see `alone.ts`).
 *
 * It is a quorum queue, which can be declared while a node of RabbitMQ is down. A store that ends with its process has an
 * exclusive queue instead, which is deleted with the connection (others are refused with 405): the next process has
 * another store, and would be locked out.
 */
export function createClusterMarker(parts: Parts): Part {
  const { clock, log, partitions } = parts;
  let lockedSince: number | null = null;
  let warned = false;
  let channel: Channel | null = null;

  async function refusal(cause: unknown, store: StoreIdentity, model: ChannelModel): Promise<Error> {
    const text = errorText(cause);
    const where = placeIn(text);
    switch (codeOf(cause)) {
      case 406:
        return new NotOurs(belongsTo(where, text, store, partitions));
      case 405: {
        if (!store.durable && (await hasDurableMarker(model)))
          return new NotOurs(
            `${where} belongs to a cluster with a durable store; this node’s store ends with its process: ${ELSEWHERE}`,
          );
        const mine = store.durable ? '' : ', and so is this node’s';
        const message = `${where} is used by a node whose store no other process can use${mine}: end that node, or ${ELSEWHERE}`;
        lockedSince ??= clock.elapsed();
        return clock.elapsed() - lockedSince < LOCKED_MS ? new Error(message) : new NotOurs(message);
      }
      default:
        return cause instanceof Error ? cause : new Error(text);
    }
  }

  return {
    async open({ consuming }) {
      const store = parts.store();
      const opened = await openQuietly(consuming);
      try {
        await opened.assertQueue(CLUSTER, markerOf(store, partitions));
      } catch (cause) {
        throw await refusal(cause, store, consuming);
      }
      lockedSince = null;
      channel = opened;
      let reason = `the channel that consumes ${CLUSTER} was closed`;
      opened.on('error', (cause: Error) => (reason = cause.message));
      opened.on('close', () => {
        if (channel === opened) parts.broken(reason);
      });
      await opened.consume(
        CLUSTER,
        (message) => {
          if (message === null && channel === opened) parts.broken(`the queue ${CLUSTER} was deleted`);
        },
        { consumerTag: parts.nodeId, noAck: true },
      );
      if (store.shared || warned) return;
      warned = true;
      log.warn(
        { store: store.id },
        'rabbitmq: no other process can use this node’s store, so this must be the only node on its virtual host',
      );
    },
    lost() {
      channel = null;
    },
    // Its channel is closed with the connection.
    close: () => {
      channel = null;
      return Promise.resolve();
    },
  };
}

/** Characters of a random UUID that suffice to distinguish it from others. */
const ENOUGH = 8;

const ELSEWHERE = 'name another virtual host in AMQP_URL';

/**
 * Short, and the number first: RabbitMQ cuts its error texts at 255 bytes. So the other node's UUID is complete unless the
 * name of the virtual host is longer than 40 bytes.
 */
function textOf(store: string, partitions: number): string {
  return `${partitions} ${store}`;
}

function markerOf(store: StoreIdentity, partitions: number): Options.AssertQueue {
  const text = { 'x-dead-letter-exchange': DEAD, 'x-dead-letter-routing-key': textOf(store.id, partitions) };
  return store.durable
    ? { durable: true, arguments: { 'x-queue-type': 'quorum', ...text } }
    : { durable: false, exclusive: true, arguments: text };
}

/**
 * The error for an operator, made from RabbitMQ's text: `PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-routing-key' for
 * queue 'parlor.cluster' in vhost '/': received '8 0a1b…' but current is '16 0a1b…'`.
 */
function belongsTo(where: string, text: string, store: StoreIdentity, partitions: number): string {
  const current = /but current is '(\d+) ([0-9a-f-]*)/.exec(text);
  if (!current)
    return `${where} has another queue ${CLUSTER} than this node, whose store is ${store.id} and PARTITIONS=${partitions}: ${ELSEWHERE} (RabbitMQ says: ${text})`;
  const [, number = '', id = ''] = current;
  const [theirs, ours] = [`PARTITIONS=${number}`, `PARTITIONS=${partitions}`];
  const howTo = `docs/rabbitmq.md says how a cluster changes`;
  const cut = id.length < store.id.length;
  if (store.id === id || (cut && id.length >= ENOUGH && store.id.startsWith(id)))
    return `${where} belongs to a cluster with ${theirs}, and this node has ${ours}: set ${theirs} here; ${howTo} it`;
  return (
    `${where} belongs to a cluster with the store ${id}${cut ? '…' : ''} and ${theirs}; this node has the store ${store.id} and ${ours}: ` +
    `${ELSEWHERE}, or the same store here; ${howTo} its store`
  );
}

/** Whether the marker is a durable queue. RabbitMQ refuses (405) even a passive declaration of another one's exclusive queue. */
async function hasDurableMarker(model: ChannelModel): Promise<boolean> {
  const channel = await openQuietly(model);
  try {
    await channel.checkQueue(CLUSTER);
    await closeChannel(channel);
    return true;
  } catch {
    // It is locked, or was deleted meanwhile, which the next attempt will show.
    return false;
  }
}

/** A channel that RabbitMQ may close with an error: the call rejects with it, and without a listener the event would end the process. */
async function openQuietly(model: ChannelModel): Promise<Channel> {
  const channel = await model.createChannel();
  channel.on('error', () => undefined);
  return channel;
}

function placeIn(text: string): string {
  const [, vhost] = /in vhost '([^']*)'/.exec(text) ?? [];
  return vhost === undefined ? 'the virtual host of RabbitMQ' : `the virtual host ${vhost} of RabbitMQ`;
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
