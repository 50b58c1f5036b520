import type { Channel, ChannelModel, Options } from 'amqplib';
import { errorText } from '../../engine/errors.js';
import type { Clock, Log, StoreIdentity } from '../../engine/ports.js';
import type { Part } from './connection/link.js';
import { NotOurs } from './connection/not-ours.js';
import { closeChannel } from './connection/publisher.js';
import { CLUSTER, DEAD } from './topology.js';

interface Parts {
  readonly nodeId: string;
  /** Asked for on each connection. */
  readonly store: () => StoreIdentity;
  readonly partitions: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly broken: (reason: string) => void;
}

/**
 * For so long an exclusive marker may be that of a connection which RabbitMQ has not missed yet, ms: with the heartbeat
 * of this adapter it does so within 3 s (see HEARTBEAT_S), and `?heartbeat=` may be longer.
 */
const LOCKED_MS = 8_000;

/**
 * One virtual host, one store, one number of partitions. Two stores in one virtual host would each get a part of the
 * commands and know nothing of the other part, and with two numbers of partitions a room would have two homes.
 *
 * Whoever comes first declares a queue whose arguments say what it has. RabbitMQ compares the arguments of whoever
 * declares it again (406, with both values in its text), however many do so at once. No message ever goes through
 * it, but each node consumes it: that shows how many there are (see `alone.ts`). The dead-letter routing key is free text that RabbitMQ compares, and means nothing where nothing dies.
 *
 * The queue is a quorum queue: it can be declared while a node of RabbitMQ is down. For a store that goes with its
 * process it goes with the connection instead (an exclusive queue; 405 for everybody else), because the next process
 * has another store, and would be locked out.
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
            `${where} belongs to a cluster with a store that is kept; this node’s store goes with its process: ${ELSEWHERE}`,
          );
        const mine = store.durable ? '' : ', as this one is, too';
        const message = `${where} is used by a node with a store that nobody else can use${mine}: end that node, or ${ELSEWHERE}`;
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
    // Its channel ends with the connection.
    close: () => {
      channel = null;
      return Promise.resolve();
    },
  };
}

/** Characters of a random UUID that tell it from another one. */
const ENOUGH = 8;

const ELSEWHERE = 'name another virtual host in AMQP_URL';

/**
 * Without words, and the number first: RabbitMQ cuts its text after 255 bytes, so only with a virtual host whose name is
 * longer than 40 of them the other UUID is not whole.
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
 * What is in the way, from RabbitMQ's text: `PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-routing-key' for
 * queue 'parlor.cluster' in vhost '/': received '8 0a1b…' but current is '16 0a1b…'`.
 */
function belongsTo(where: string, text: string, store: StoreIdentity, partitions: number): string {
  const current = /but current is '(\d+) ([0-9a-f-]*)/.exec(text);
  if (!current)
    return `${where} has another queue ${CLUSTER} than this node, whose store is ${store.id} and PARTITIONS=${partitions}: ${ELSEWHERE} (RabbitMQ says: ${text})`;
  const [, number = '', id = ''] = current;
  const [theirs, ours] = [`PARTITIONS=${number}`, `PARTITIONS=${partitions}`];
  const howTo = `README.md says under “On RabbitMQ” how a cluster changes`;
  const cut = id.length < store.id.length;
  if (store.id === id || (cut && id.length >= ENOUGH && store.id.startsWith(id)))
    return `${where} belongs to a cluster with ${theirs}, and this node has ${ours}: set ${theirs} here; ${howTo} it`;
  return (
    `${where} belongs to a cluster with the store ${id}${cut ? '…' : ''} and ${theirs}; this node has the store ${store.id} and ${ours}: ` +
    `${ELSEWHERE}, or the same store here; ${howTo} its store`
  );
}

/** RabbitMQ tells an exclusive queue from others only by refusing (405) even a look at it. */
async function hasDurableMarker(model: ChannelModel): Promise<boolean> {
  const channel = await openQuietly(model);
  try {
    await channel.checkQueue(CLUSTER);
    await closeChannel(channel);
    return true;
  } catch {
    // Locked, or gone meanwhile: the next attempt shows.
    return false;
  }
}

/** A refusal comes as the rejection of the call; the event would end the process if nobody listened. */
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
