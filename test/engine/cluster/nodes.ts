import { createMemoryStore } from '../../../adapters/memory/store.js';
import type { EngineOptions } from '../../../engine/engine.js';
import { newId } from '../../../engine/ids.js';
import type { Policy, PolicyChange } from '../../../engine/messages/policy.js';
import type { Store } from '../../../engine/ports.js';
import { BARE, presetFor, type Presets } from '../../../engine/room/presets.js';
import { ManualClock, turns } from '../../support/clock.js';
import { Guard } from './guard.js';
import { Network } from './network.js';
import { ClusterNode } from './node.js';
import type { Timing } from './parts.js';

export interface ClusterOptions {
  readonly nodes?: number;
  readonly partitions?: number;
  readonly policy?: PolicyChange;
  /** Policies by the prefix of a room's id. */
  readonly presets?: Presets;
  readonly timing?: Partial<Timing>;
  readonly engine?: Partial<EngineOptions>;
  /** 0 ≤ x < 1; left out: always 0, so that nothing is delayed or doubled. */
  readonly random?: () => number;
}

/** As over RabbitMQ: four beats of a second; a home that has heard nothing for 1.5 s holds its tongue. */
const TIMING: Timing = { leaseMs: 4_000, noticeMs: 1_500, giveUpMs: 6_000, replyTimeoutMs: 5_000 };

const LARGE = { eventsPerRoom: 100_000, eventsInAll: 1_000_000, rooms: 100_000 };
/** More turns without any time passing, and something turns in a circle. */
const TURNS = 5_000;
/** So many turns in which nothing moves are a rest: more where something waits, perhaps for its turn. */
const CALM = 3;
const CALM_WAITING = 6;

/** Several nodes on one store and one broker, and the time that passes for all of them. */
export class Nodes {
  readonly clock = new ManualClock();
  readonly store: Store = createMemoryStore(LARGE);
  readonly nodes: ClusterNode[] = [];
  readonly network: Network;
  readonly guard: Guard;
  readonly timing: Timing;
  protected readonly random: () => number;
  private readonly trace: string[] = [];

  protected constructor(private readonly options: ClusterOptions) {
    this.timing = { ...TIMING, ...options.timing };
    this.random = options.random ?? (() => 0);
    const trace = (line: string): void => {
      if (process.env.TRACE !== undefined) this.trace.push(`${this.clock.elapsed()} ${line}`);
    };
    this.guard = new Guard(
      this.clock,
      () => this.network,
      (room) => this.presetOf(room),
      trace,
    );
    this.network = new Network(this.clock, this.timing, options.partitions ?? 4, this.random, this.guard);
  }

  private get base(): Policy {
    return { ...BARE, ...this.options.policy };
  }

  presetOf(room: string): Policy {
    return presetFor(room, this.options.presets ?? {}, this.base);
  }

  protected async startNode(at: number): Promise<void> {
    const { clock, network, store, guard, random } = this;
    const node = new ClusterNode(
      { clock, network, store, guard, random },
      {
        nodeId: newId(),
        presets: this.options.presets ?? {},
        base: this.base,
        recoveryLimit: 1_000,
        presenceLimit: 256,
        maxRooms: 100_000,
        retentionMs: 3_600_000,
        commitBatch: 4_096,
        commitLingerMs: 0,
        ...this.options.engine,
      },
    );
    this.nodes[at] = node;
    await node.engine.start();
  }

  node(at: number): ClusterNode {
    const node = this.nodes[at];
    if (!node) throw new Error(`there is no node ${at}`);
    return node;
  }

  note(line: string): void {
    this.guard.trace(line);
  }

  /** What happened, for a human; empty without TRACE in the environment. */
  get story(): string {
    return this.trace.join('\n');
  }

  /* Time. */

  turns(count: number): Promise<void> {
    return turns(count);
  }

  /** Until nothing happens any more without time passing. What waits for time, or for a link, goes on waiting. */
  async settle(): Promise<void> {
    let before = -1;
    for (let calm = 0, count = 0; ; count++) {
      await turns(1);
      const waiting = this.nodes.reduce((sum, node) => sum + node.waiting, 0);
      const isMoving = !this.network.wire.isIdle || this.nodes.some(({ isAsking }) => isAsking);
      calm = !isMoving && waiting === before ? calm + 1 : 0;
      before = waiting;
      if (calm >= (waiting === 0 ? CALM : CALM_WAITING)) return;
      if (count > TURNS) throw new Error('it does not come to rest, though no time passes');
    }
  }

  /** Goes on by `ms`, from timer to timer, and comes to rest after each. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.elapsed() + ms;
    await this.settle();
    for (let next = this.clock.nextAt; next !== null && next <= end; next = this.clock.nextAt) {
      this.clock.jump(Math.max(0, next - this.clock.elapsed()));
      await this.settle();
    }
    this.clock.jump(end - this.clock.elapsed());
    await this.settle();
  }
}
