import type { Broker, BrokerHandlers, Clock, Log, Meter, StoreIdentity } from '../../engine/ports.js';
import { createClusterMarker } from './cluster.js';
import { readAddress, type Address } from './connection/addresses.js';
import { createAnswersOut } from './home/answers-out.js';
import { createDeadLetters } from './home/dead-letters.js';
import { createEventsIn } from './events/events-in.js';
import { createEventsOut } from './events/events-out.js';
import { createLink, type Part } from './connection/link.js';
import { createLease } from './nodes/lease.js';
import { createIsNewer } from './newer.js';
import { createNodes } from './nodes/nodes.js';
import { createBalance } from './home/balance.js';
import { createGate } from './home/gate.js';
import { createPartition } from './home/partition.js';
import { prefetchFor } from './home/prefetch.js';
import { createRequests } from './commands/requests.js';
import { declareTopology } from './topology.js';

export interface RabbitOptions {
  /** AMQP URLs of one broker or of the nodes of one cluster. Each attempt to connect uses the next one. */
  readonly urls: readonly string[];
  /** Part of the wire contract: every node and every foreign service must use the same number. */
  readonly partitions: number;
  /** This node's store, to which the virtual host belongs. Called from `start` on, so the store has to be open then. */
  readonly store: () => StoreIdentity;
  /** How long a command waits for its answer, and a subscription for a connection, ms. */
  readonly replyTimeoutMs: number;
  /** An `edge` is never home of a partition. Default: all. */
  readonly role?: 'all' | 'edge' | 'home';
  /** Distinguishes this node's messages from those of others. A new one for each process. */
  readonly nodeId: string;
  readonly log: Log;
  readonly meter: Meter;
  readonly clock: Clock;
  /** Commands that are buffered while the connection is down. More are refused at once. */
  readonly bufferLimit?: number;
  /** Messages of a partition that may be unacknowledged. Default: see `prefetch.ts`. */
  readonly prefetch?: number;
  /** Deliveries after which a message is dead-lettered if it was the only one each time its process ended (see `poison.ts`). */
  readonly deliveryLimit?: number;
  /** Whether the store can be written to. While it cannot, this node does not start to consume commands. */
  readonly isStoreReady?: () => boolean;
  /** Messages with events that may wait for this node. Beyond it the oldest are dropped, and the engine is told. */
  readonly eventQueueLimit?: number;
  /** How long the set of nodes must be unchanged before partitions are moved, ms; Infinity: they never are. */
  readonly settleMs?: number;
  /** How long `start` tries to get the first connection, ms. */
  readonly startMs?: number;
}

const DEFAULTS = {
  bufferLimit: 20_000,
  deliveryLimit: 20,
  isStoreReady: () => true,
  eventQueueLimit: 100_000,
  // Nodes that start together, or reconnect after RabbitMQ was restarted, appear within this time.
  settleMs: 3_000,
  startMs: 30_000,
};

/**
 * The broker for several processes: RabbitMQ 3.10 or newer.
 *
 * A virtual host belongs to one store and one number of partitions; `start` rejects if they are others than this node's.
 *
 * Beyond the port's guarantees: a command that was answered `queued` is in a quorum queue, and is either carried out by the
 * next home or found in `parlor.dead` with the reason. At any time exactly one node is the home of a partition. Throws at
 * once if a URL is not valid; the message never contains a password.
 */
export function createRabbitBroker(options: RabbitOptions): Broker {
  const { partitions, nodeId, replyTimeoutMs, log, meter, clock } = options;
  const limits = { ...DEFAULTS, prefetch: prefetchFor(partitions), ...options };
  const [first, ...others] = options.urls.map(readAddress);
  if (!first) throw new Error('no AMQP URL was given');
  const addresses: readonly [Address, ...Address[]] = [first, ...others];
  let handlers: BrokerHandlers | null = null;
  let draining = false;

  const shared = {
    nodeId,
    partitions,
    clock,
    log,
    meter,
    isNewer: createIsNewer({ clock, log, meter }),
    reason: () => link.reason,
    isBlocked: () => link.isBlocked,
    broken: (why: string) => link.reset(why),
    handlers(): BrokerHandlers {
      if (handlers === null) throw new Error('the broker was not started');
      return handlers;
    },
  };
  const cluster = createClusterMarker({ ...shared, store: options.store });
  const topology: Part = {
    open: ({ consuming }) => declareTopology(consuming, partitions),
    lost: () => undefined,
    close: () => Promise.resolve(),
  };
  const lease = createLease(shared);
  const isEdge = (): boolean => draining || options.role === 'edge';
  const nodes = createNodes({ ...shared, isEdge, moved: (back) => balance.changed(back) });
  const eventsIn = createEventsIn({
    ...shared,
    mayBeGone: () => nodes.mayBeGone,
    waitMs: replyTimeoutMs,
    limit: limits.eventQueueLimit,
  });
  const eventsOut = createEventsOut(shared);
  const answers = createAnswersOut(shared);
  const dead = createDeadLetters(shared);
  const requests = createRequests({ ...shared, replyTimeoutMs, bufferLimit: limits.bufferLimit });
  const successes = { count: 0 };
  const homes = Array.from({ length: options.role === 'edge' ? 0 : partitions }, (_, partition) =>
    createPartition({
      ...shared,
      partition,
      answers,
      dead,
      successes,
      isCurrent: () => lease.isCurrent,
      began: () => nodes.checkOthers(),
      sent: (id) => nodes.sent(id),
      served: (at) => balance.served(at),
      prefetch: limits.prefetch,
      deliveryLimit: limits.deliveryLimit,
      isStoreReady: limits.isStoreReady,
    }),
  );

  const gate = createGate({
    ...shared,
    homes,
    known: () => nodes.known(),
    isStoreReady: limits.isStoreReady,
    opened: () => nodes.placed(),
  });

  const balance = createBalance({
    nodeId,
    partitions: homes,
    nodes: () => (isEdge() ? nodes.homes : [nodeId, ...nodes.homes]),
    settleMs: limits.settleMs,
    clock,
    log,
  });

  const link = createLink({
    addresses,
    nodeId,
    // In this order. First it is checked to whom the virtual host belongs. In an alarm, RabbitMQ blocks a connection at the
    // first message that is published on it, and then no channel can be opened on it: so all that publish are opened before
    // `nodes`, which publishes a greeting. Partitions come last, because their commands need everything else.
    parts: [cluster, topology, lease, eventsOut, answers, dead, requests, nodes, eventsIn, gate],
    clock,
    log,
    startMs: limits.startMs,
    ready() {
      eventsOut.flush();
      answers.flush();
      requests.flush();
    },
    blocked: () => eventsOut.blocked(),
    unblocked: () => eventsIn.unblocked(),
  });

  return {
    start(given) {
      handlers = given;
      return link.start();
    },
    request: (command, onAnswer) => requests.add(command, onAnswer),
    publish(events) {
      shared.handlers().events(events);
      return eventsOut.add(events);
    },
    say: (word, to) => nodes.say(word, to),
    nodes: () => nodes.others,
    subscribe: (slot) => eventsIn.subscribe(slot),
    unsubscribe: (slot) => eventsIn.unsubscribe(slot),
    state() {
      const reason = draining ? 'draining' : link.reason;
      return {
        kind: 'rabbitmq',
        ready: reason === null,
        reason,
        pending: requests.pending,
        buffered: requests.buffered,
        partitions: homes.filter(({ isActive }) => isActive).length,
      };
    },
    async drain(ms) {
      draining = true;
      balance.stop();
      await Promise.all(homes.map((home) => home.finish(ms)));
    },
    async close() {
      draining = true;
      balance.stop();
      requests.refuseAll();
      await link.close();
      eventsOut.refuseAll();
    },
  };
}
