import { ANYBODY } from '../../../engine/access/grant.js';
import { createEngine, type Engine, type EngineOptions } from '../../../engine/engine.js';
import type { ServerFrame } from '../../../engine/messages/frames.js';
import type { Append, AppendResult, Store } from '../../../engine/ports.js';
import type { ManualClock } from '../../support/clock.js';
import { Client, counting, Hub, recording, type Line } from '../../support/engine.js';
import { Endpoint } from './endpoint.js';
import type { Guard } from './guard.js';
import type { Network } from './network.js';
import { NodeClock } from './node-clock.js';
import { StoreGate } from './store-gate.js';

/** A client whose frames and whose end the guard sees. */
export class WatchedClient extends Client {
  constructor(
    hub: Hub,
    user: string,
    private readonly guard: Guard,
  ) {
    super(hub, user);
  }

  protected override told(frame: ServerFrame): void {
    super.told(frame);
    this.guard.trace(`  ${this.user} is told ${JSON.stringify(frame).slice(0, 200)}`);
    this.guard.told(this, frame);
  }

  override end(code: number): void {
    if (this.isOpen) {
      this.guard.trace(`  ${this.user} is closed with ${code}`);
      this.guard.ending(this, code);
    }
    super.end(code);
  }
}

export interface World {
  readonly clock: ManualClock;
  readonly network: Network;
  readonly store: Store;
  readonly guard: Guard;
  readonly random: () => number;
}

/** One process: an engine with its clients, its clock and its ways to the broker and the store. */
export class ClusterNode {
  readonly engine: Engine;
  readonly endpoint: Endpoint;
  readonly clock: NodeClock;
  readonly gate: StoreGate;
  readonly hub = new Hub();
  readonly log: Line[] = [];
  readonly counts = new Map<string, number>();
  readonly clients = new Set<Client>();
  /** Requests that have no answer yet. */
  unanswered = 0;

  constructor(
    private readonly world: World,
    options: EngineOptions,
  ) {
    const { guard, network } = world;
    this.clock = new NodeClock(world.clock);
    const appended = (appends: readonly Append[], results: readonly AppendResult[]): void =>
      guard.appended(this.endpoint, appends, results);
    this.gate = new StoreGate(world.store, this.clock, world.random, appended);
    this.endpoint = new Endpoint(network.endpoints.length, options.nodeId, this.clock, network);
    this.engine = createEngine(options, {
      broker: this.endpoint,
      store: this.gate.store,
      outlet: this.hub,
      clock: this.clock,
      log: recording(this.log),
      meter: counting(this.counts),
    });
  }

  get isAlive(): boolean {
    return this.endpoint.isAlive;
  }

  connect(room: string, user: string, since: number | null): WatchedClient {
    const client = new WatchedClient(this.hub, user, this.world.guard);
    this.clients.add(client);
    this.world.guard.opened(client, this.endpoint, room, since);
    this.clock.call(() => {
      if (!client.isOpen) return;
      client.connection = this.engine.connect(client, {
        room_id: room,
        user,
        since,
        request_id: null,
        resume: null,
        grant: ANYBODY,
      });
    });
    return client;
  }

  /** The client goes away; the node learns of it when it runs. */
  close(client: Client): void {
    const { connection } = client;
    client.connection = null;
    client.close();
    this.clock.call(() => (connection ?? client.connection)?.closed());
  }

  say(client: Client, frame: unknown): void {
    this.clock.call(() => client.say(frame));
  }

  /** How much waits in this process to be dealt with. */
  get waiting(): number {
    if (!this.isAlive || this.clock.isSuspended) return 0;
    const { rooms, audiences, bridge, journal } = this.engine.stats().waiting;
    return rooms + audiences + bridge + journal;
  }

  /** The store will answer in a few turns. */
  get isAsking(): boolean {
    return this.isAlive && !this.clock.isSuspended && this.gate.open > 0;
  }

  /** The process is gone, and its clients' connections with it. */
  kill(): void {
    for (const client of this.clients) {
      client.connection = null;
      client.close();
    }
    this.clients.clear();
    this.clock.end();
  }
}
