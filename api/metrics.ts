import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { EngineStats } from '../engine/engine.js';
import type { Meter } from '../engine/ports.js';
import { createDurations, DurationHistogram } from './duration-metrics.js';
import { createRequestMetrics, type RequestMetrics } from './request-metrics.js';
import type { Worker } from './worker.js';

/** The state of a node at a scrape. */
export interface NodeStats extends EngineStats {
  /** Reads over HTTP that wait for their turn at the store. */
  readonly readsWaiting: number;
  /** Connections that are streams of events. */
  readonly streams: number;
}

export interface Metrics extends Meter, RequestMetrics {
  readonly contentType: string;
  /** The metrics in Prometheus's text format. */
  text(): Promise<string>;
  /** Adds gauges that read the node's state at each scrape. Call it once. */
  watch(stats: () => NodeStats): void;
}

/**
 * Metrics of one node. Those of a worker have a label for it. They are not in prom-client's global registry: a process may
 * have two nodes, and a registry refuses a name that it has.
 */
export function createMetrics(worker?: Worker): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (worker) {
    registry.setDefaultLabels({ worker: String(worker.number) });
    // The parent counts restarts; this process only publishes the number.
    new Counter({
      name: 'parlor_worker_restarts_total',
      help: 'How often this worker was started again',
      registers,
    }).inc(worker.restarts);
  }
  collectDefaultMetrics({ register: registry });
  /**
   * A counter that is kept between scrapes. An overload causes hundreds of thousands of refusals a second, too many for
   * prom-client, as a refusal costs little else, and so does a `typing` that comes too often.
   */
  function countedLazily(name: string, help: string, label: string): (value: string, count?: number) => void {
    const counts = new Map<string, { count: number }>();
    new Counter({
      ...{ name, help, labelNames: [label], registers },
      collect() {
        for (const [value, { count }] of counts) this.inc({ [label]: value }, count);
        counts.clear();
      },
    });
    return (value, count = 1) => {
      const counted = counts.get(value);
      if (counted === undefined) counts.set(value, { count });
      else counted.count += count;
    };
  }
  const refusals = countedLazily(
    'parlor_refusals_total',
    'Requests, frames and connections of clients refused, by error code',
    'code',
  );
  const limits = countedLazily('parlor_limited_total', 'Refusals because of a limit, by limit', 'limit');
  const posts = new Counter({
    name: 'parlor_messages_total',
    help: 'Messages given a seq and stored',
    registers,
  });
  const deliveries = new Counter({
    name: 'parlor_deliveries_total',
    help: 'Frames sent to the clients in a room, once per connection',
    registers,
  });
  const drops = countedLazily(
    'parlor_dropped_total',
    'Events, frames, commands and messages between nodes dropped, by reason',
    'reason',
  );
  const crashes = new Counter({
    name: 'parlor_crashes_total',
    help: 'Crashes, by kind of actor',
    labelNames: ['actor'],
    registers,
  });
  // Upper bounds, s: from a commit to memory up to the default of STORE_TIMEOUT_MS.
  const bounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];
  const commits = createDurations(bounds);
  new DurationHistogram({
    name: 'parlor_store_commit_seconds',
    help: 'How long a commit took',
    labelNames: [],
    bounds,
    registry,
    series: () => [{ labels: {}, durations: commits }],
  });

  let updateGauges = (): void => undefined;

  function watch(stats: () => NodeStats): void {
    const gauges: { readonly metric: Gauge; readonly read: (now: NodeStats) => number }[] = [];
    const gauge = (name: string, help: string, read: (now: NodeStats) => number): void => {
      gauges.push({ metric: new Gauge({ name, help, registers }), read });
    };
    gauge('parlor_connections', 'WebSockets and streams of events open', (now) => now.connections);
    gauge('parlor_streams', 'Streams of events open', (now) => now.streams);
    gauge('parlor_long_polls', 'Requests that wait for an event', (now) => now.watches);
    gauge('parlor_rooms', 'Rooms in memory', (now) => now.rooms);
    gauge(
      'parlor_under_way',
      'Posts and other frames of clients, from their arrival to their answer',
      (now) => now.underWay,
    );
    gauge(
      'parlor_reads_waiting',
      'Reads over HTTP that wait for their turn at the store',
      (now) => now.readsWaiting,
    );
    gauge(
      'parlor_seats',
      'Seats taken in the rooms in memory: one per user of a room, whatever their number of connections',
      (now) => now.seats,
    );
    gauge('parlor_audiences', 'Rooms with a connection on this node', (now) => now.audiences);
    gauge('parlor_broker_ready', '1 if the broker can be used', (now) => Number(now.broker.ready));
    gauge(
      'parlor_broker_pending',
      'Commands given to the broker and not answered yet',
      (now) => now.broker.pending,
    );
    gauge(
      'parlor_broker_buffered',
      'Commands held back while the broker is away',
      (now) => now.broker.buffered,
    );
    gauge(
      'parlor_partitions',
      'Partitions of which this node is the home, as far as commands for their rooms have come',
      (now) => now.broker.partitions,
    );
    gauge('parlor_store_ready', '1 if the store can be used', (now) => Number(now.store.ready));
    const depths = new Gauge({
      name: 'parlor_mailbox_depth',
      help: 'Queued actor messages, by kind of actor; joins: clients waiting to join',
      labelNames: ['actor'],
      registers,
    });
    // One stats() call per scrape, not one per gauge: it walks all rooms.
    updateGauges = () => {
      const now = stats();
      for (const { metric, read } of gauges) metric.set(read(now));
      for (const [actor, depth] of Object.entries(now.waiting)) depths.set({ actor }, depth);
    };
  }

  return {
    contentType: registry.contentType,
    async text() {
      updateGauges();
      return registry.metrics();
    },
    watch,
    requestsTo: createRequestMetrics(registry).requestsTo,
    refused: refusals,
    limited: limits,
    posted: (count) => posts.inc(count),
    delivered: (count) => deliveries.inc(count),
    dropped: drops,
    crashed: (actor) => crashes.inc({ actor }),
    // The number of events is not published: parlor_messages_total counts the messages.
    committed: (_events, ms) => commits.add(ms / 1000),
  };
}
