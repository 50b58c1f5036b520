import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { EngineStats } from '../engine/engine.js';
import type { Meter } from '../engine/ports.js';
import { createRequestMetrics, type RequestMetrics } from './request-metrics.js';
import type { Worker } from './worker.js';

/** The state of a node at a scrape. */
export interface NodeStats extends EngineStats {
  /** Reads over HTTP that wait for their turn at the store. */
  readonly readsWaiting: number;
}

export interface Metrics extends Meter, RequestMetrics {
  readonly contentType: string;
  /** The metrics in Prometheus's text format. */
  text(): Promise<string>;
  /** Adds gauges that read the node's state at each scrape. */
  watch(stats: () => NodeStats): void;
}

/** Metrics of one node, in their own registry, as a process may have two nodes. Those of a worker have a label for it. */
export function createMetrics(worker?: Worker): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (worker) {
    registry.setDefaultLabels({ worker: String(worker.number) });
    new Counter({
      name: 'parlor_worker_restarts_total',
      help: 'How often this worker was started again',
      registers,
    }).inc(worker.restarts);
  }
  collectDefaultMetrics({ register: registry });
  /** Counts since the last scrape. prom-client would be too slow for the hundreds of thousands a second of an overload. */
  const refused = new Map<string, number>();
  new Counter({
    name: 'parlor_refusals_total',
    help: 'What was refused, by code',
    labelNames: ['code'],
    registers,
    collect() {
      for (const [code, count] of refused) this.inc({ code }, count);
      refused.clear();
    },
  });
  const posts = new Counter({
    name: 'parlor_messages_total',
    help: 'Messages ordered and stored',
    registers,
  });
  const deliveries = new Counter({
    name: 'parlor_deliveries_total',
    help: 'Frames handed to connections of an audience',
    registers,
  });
  const drops = new Counter({
    name: 'parlor_dropped_total',
    help: 'What was dropped, by reason',
    labelNames: ['reason'],
    registers,
  });
  const crashes = new Counter({
    name: 'parlor_crashes_total',
    help: 'Crashes, by kind of actor',
    labelNames: ['actor'],
    registers,
  });
  const commits = new Histogram({
    name: 'parlor_store_commit_seconds',
    help: 'How long a commit took',
    buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });

  let collect = (): void => undefined;

  /** Reads all gauges at once, as the engine walks its rooms and audiences to count them. */
  function watch(stats: () => NodeStats): void {
    const gauges: { readonly gauge: Gauge; readonly read: (now: NodeStats) => number }[] = [];
    const gauge = (name: string, help: string, read: (now: NodeStats) => number): void => {
      const one = new Gauge({ name, help, registers });
      one.set(0);
      gauges.push({ gauge: one, read });
    };
    gauge('parlor_connections', 'WebSockets open', (now) => now.connections);
    gauge('parlor_rooms', 'Rooms awake', (now) => now.rooms);
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
    gauge('parlor_seats', 'Seats taken', (now) => now.seats);
    gauge('parlor_audiences', 'Rooms with a connection on this node', (now) => now.audiences);
    gauge('parlor_broker_ready', '1 if the broker can be used', (now) => Number(now.broker.ready));
    gauge('parlor_broker_pending', 'Commands waiting for an answer', (now) => now.broker.pending);
    gauge(
      'parlor_broker_buffered',
      'Commands held back while the broker is away',
      (now) => now.broker.buffered,
    );
    gauge(
      'parlor_partitions',
      'Partitions of which this node is the home and whose rooms were used',
      (now) => now.broker.partitions,
    );
    gauge('parlor_store_ready', '1 if the store can be used', (now) => Number(now.store.ready));
    const depths = new Gauge({
      name: 'parlor_mailbox_depth',
      help: 'Messages waiting, by kind of actor',
      labelNames: ['actor'],
      registers,
    });
    collect = () => {
      const now = stats();
      for (const { gauge, read } of gauges) gauge.set(read(now));
      for (const [actor, depth] of Object.entries(now.waiting)) depths.set({ actor }, depth);
    };
  }

  return {
    contentType: registry.contentType,
    text() {
      collect();
      return registry.metrics();
    },
    watch,
    requestsTo: createRequestMetrics(registry).requestsTo,
    refused: (code) => void refused.set(code, (refused.get(code) ?? 0) + 1),
    posted: (count) => posts.inc(count),
    delivered: (count) => deliveries.inc(count),
    dropped: (reason, count = 1) => drops.inc({ reason }, count),
    crashed: (actor) => crashes.inc({ actor }),
    committed: (_events, ms) => commits.observe(ms / 1000),
  };
}
