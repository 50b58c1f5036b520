import { setTimeout as pause } from 'node:timers/promises';
import type { Parlor } from '../../support/parlor.js';
import type { Proxy } from '../../support/proxy.js';
import { until } from '../../support/until.js';
import type { Cluster, ClusterNode, Servers } from '../support/cluster.js';
import { Outages } from './outages.js';
import { clash, healedInWords, inWords, type Fate, type Happening, type Server } from './schedule.js';

/** For what takes seconds, and on a slow machine much longer, ms. */
const PATIENCE_MS = 120_000;
/** How long a node may take to answer whether it is ready, ms: a stopped one never does. */
const ANSWER_MS = 1_000;
const AGAIN_MS = 100;

export interface Scene {
  readonly cluster: Cluster;
  readonly servers: Servers;
  /** Hears each thing when it happens. */
  readonly tell: (line: string) => void;
}

/** Lets things happen to a cluster, and heals them. */
export class Deeds {
  readonly outages = new Outages();
  /** Nodes without a process, and those that are about to lose it: nobody comes to them. */
  readonly dead = new Set<ClusterNode>();
  /** Processes that were ended here. */
  readonly ended: Parlor[] = [];
  /** What went otherwise than a program under these circumstances should. */
  readonly faults: string[] = [];
  private readonly lasting = new Map<Fate, Promise<void>>();

  constructor(private readonly scene: Scene) {}

  /** Resolves when all of it has happened and is healed, and every node is ready. What fails of it is a fault. */
  async play(schedule: readonly Happening[]): Promise<void> {
    const begun = performance.now();
    const all = schedule.map(async ({ at, ms, fate }) => {
      await pause(Math.max(0, begun + at - performance.now()));
      await this.whenFree(fate, () => this.befall(fate, ms));
    });
    const outcomes = await Promise.allSettled([...all]);
    const ready = this.scene.cluster.nodes.map((node) => this.untilReady(node));
    for (const outcome of [...outcomes, ...(await Promise.allSettled(ready))])
      if (outcome.status === 'rejected') this.faults.push(String(outcome.reason));
  }

  /** Healing takes longer than was planned on a slow machine: what clashes with it waits. */
  private async whenFree(fate: Fate, deed: () => Promise<void>): Promise<void> {
    for (;;) {
      const others = [...this.lasting].filter(([other]) => clash(other, fate)).map(([, done]) => done);
      if (others.length === 0) break;
      await Promise.allSettled(others);
    }
    // Nothing may come between the look and this.
    const done = deed().finally(() => this.lasting.delete(fate));
    this.lasting.set(fate, done);
    await done;
  }

  private async befall(fate: Fate, ms: number): Promise<void> {
    const over = this.begin(fate);
    this.scene.tell(`${inWords(fate)}, for ${Math.round(ms / 1_000)} s`);
    const heal = await this.carryOut(fate);
    await pause(ms);
    await heal();
    this.scene.tell(healedInWords(fate));
    await Promise.all(this.concerned(fate).map((node) => this.untilReady(node)));
    over();
  }

  private begin(fate: Fate): () => void {
    switch (fate.type) {
      case 'kill':
      case 'drain':
      case 'freeze':
        return this.outages.ofNode(fate.node);
      case 'cut':
        return fate.from === 'RabbitMQ' ? this.outages.ofNode(fate.node) : this.outages.ofStore();
      case 'crash':
        return fate.server === 'RabbitMQ' ? this.outages.ofNode(null) : this.outages.ofStore();
    }
  }

  private concerned(fate: Fate): ClusterNode[] {
    const { nodes } = this.scene.cluster;
    return fate.type === 'crash' ? nodes.filter((node) => !this.dead.has(node)) : [this.node(fate.node)];
  }

  /** Resolves, when it has happened, with how to heal it. */
  private async carryOut(fate: Fate): Promise<() => Promise<void>> {
    switch (fate.type) {
      case 'kill':
        return this.end(this.node(fate.node), 'SIGKILL');
      case 'drain':
        return this.end(this.node(fate.node), 'SIGTERM');
      case 'freeze': {
        const { pid } = this.node(fate.node).parlor;
        process.kill(pid, 'SIGSTOP');
        return async () => void process.kill(pid, 'SIGCONT');
      }
      case 'cut': {
        const way = wayTo(this.node(fate.node), fate.from);
        if (fate.how === 'visibly') await way.refuse();
        else way.hang();
        return () => way.recover();
      }
      case 'crash':
        return this.crash(fate.server);
    }
  }

  private async end(node: ClusterNode, signal: 'SIGKILL' | 'SIGTERM'): Promise<() => Promise<void>> {
    this.dead.add(node);
    const { parlor } = node;
    const code = await parlor.end(signal);
    this.ended.push(parlor);
    if (signal === 'SIGTERM' && code !== 0) this.faults.push(`node ${node.name} drained with code ${code}`);
    return async () => {
      // As a supervisor would: it may find RabbitMQ or PostgreSQL away when it starts.
      await until(
        () =>
          node.restart().then(
            () => true,
            (cause: unknown) => this.startFailed(node, cause),
          ),
        {
          timeoutMs: PATIENCE_MS,
          what: `node ${node.name} to start again`,
        },
      );
      this.dead.delete(node);
    };
  }

  private startFailed(node: ClusterNode, cause: unknown): false {
    this.scene.tell(
      `node ${node.name} did not start: ${cause instanceof Error ? cause.message : 'no reason'}`,
    );
    return false;
  }

  private async crash(server: Server): Promise<() => Promise<void>> {
    const { rabbit, postgres } = this.scene.servers;
    if (server === 'RabbitMQ') {
      await rabbit.kill();
      return () => rabbit.startBroker();
    }
    await postgres.kill();
    return () => postgres.start();
  }

  /** A process that has ended by itself is never ready again, and that is said when this gives up. */
  private async untilReady(node: ClusterNode): Promise<void> {
    let said = 'it did not answer';
    const isReady = async (): Promise<boolean> => {
      try {
        const answer = await fetch(`${node.parlor.http}/health/ready`, {
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        said = await answer.text();
        return answer.status === 200;
      } catch (cause) {
        said = String(cause);
        return false;
      }
    };
    await until(isReady, {
      timeoutMs: PATIENCE_MS,
      intervalMs: AGAIN_MS,
      what: () => `node ${node.name} to be ready: ${said}`,
    });
  }

  private node(name: string): ClusterNode {
    const found = this.scene.cluster.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`there is no node ${name}`);
    return found;
  }
}

function wayTo(node: ClusterNode, server: Server): Proxy {
  return server === 'RabbitMQ' ? node.link : node.database;
}
