import { newId } from '../../engine/ids.js';
import type { Answer } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import { turns } from '../support/clock.js';
import type { Client } from '../support/engine.js';
import { ANYBODY } from '../../engine/access/grant.js';
import type { ClusterNode, WatchedClient } from './cluster/node.js';
import { Nodes, type ClusterOptions } from './cluster/nodes.js';
import type { Partition } from './cluster/partition.js';

const STEP_MS = 100;
const STOP_MS = 5_000;

/** Several nodes on one store, in one process and in virtual time: their clients, and the troubles they may have. */
export class Cluster extends Nodes {
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options);
    await cluster.store.start();
    for (let i = 0; i < (options.nodes ?? 3); i++) await cluster.startNode(i);
    await cluster.settle();
    return cluster;
  }

  /* Clients. */

  /** A connection whose welcome is not awaited. */
  connect(at: number, room: string, user: string, since: number | null = null): WatchedClient {
    return this.node(at).connect(room, user, since);
  }

  /** A connection that has its welcome: at once, or when the lease of a dead node is over. */
  async join(at: number, room: string, user: string, since: number | null = null): Promise<WatchedClient> {
    const client = this.connect(at, room, user, since);
    await this.wait(() => client.all('welcome').length > 0 || !client.isOpen);
    if (client.all('welcome').length === 0) {
      const why = client.errors.join(', ') || 'it was not told why';
      throw new Error(`${user} was not let into ${room} at node ${at}: ${why}\n${this.story}`);
    }
    return client;
  }

  close(client: Client): void {
    this.nodes.find(({ clients }) => clients.has(client))?.close(client);
  }

  post(client: Client, text: string): void {
    this.nodes.find(({ clients }) => clients.has(client))?.say(client, { type: 'post', text });
  }

  /** Answered by the node, in virtual time: let some pass. */
  request(at: number, command: Command): Promise<Answer> {
    const node = this.node(at);
    node.unanswered++;
    return new Promise((answered) =>
      node.clock.call(() => {
        node.engine.ask(command, ANYBODY, (answer) => {
          node.unanswered--;
          answered(answer);
        });
      }),
    );
  }

  /** The answer: at once, or when the lease of a dead node is over. */
  async ask(at: number, command: Command): Promise<Answer> {
    const asked = { answer: null as Answer | null };
    void this.request(at, command).then((answer) => (asked.answer = answer));
    await this.wait(() => asked.answer !== null);
    if (!asked.answer) throw new Error(`${command.type} is not answered\n${this.story}`);
    return asked.answer;
  }

  /** Lets no time pass if that is not needed, and at most that of a lease. */
  private async wait(until: () => boolean): Promise<void> {
    await this.settle();
    for (let ms = 0; ms <= this.timing.leaseMs && !until(); ms += STEP_MS) await this.pass(STEP_MS);
  }

  send(at: number, room: string, text: string, id?: string): Promise<Answer> {
    return this.ask(at, postOf(room, text, id));
  }

  /** Names of the members, as the room says; null: it does not say. */
  async members(room: string, at?: number): Promise<string[] | null> {
    const living = at ?? this.nodes.findIndex(({ endpoint }) => endpoint.link === 'up');
    const answer = await this.ask(living, { type: 'describe', room_id: room });
    return answer.type === 'described' ? [...answer.room.members].sort() : null;
  }

  get rooms(): number {
    return this.sum((node) => node.engine.stats().rooms);
  }

  get seats(): number {
    return this.sum((node) => node.engine.stats().seats);
  }

  private sum(of: (node: ClusterNode) => number): number {
    return this.nodes.filter(({ isAlive }) => isAlive).reduce((sum, node) => sum + of(node), 0);
  }

  /* Troubles. */

  partitionOf(room: string): Partition {
    return this.network.partitionOf(room);
  }

  homeOf(room: string): number {
    const { home } = this.partitionOf(room);
    return this.nodes.findIndex(({ endpoint }) => endpoint === home);
  }

  /** Another node becomes the home of the room, and of the others in its partition. */
  async move(room: string, to: number, how: 'drain' | 'abrupt' = 'drain'): Promise<void> {
    this.network.move(this.partitionOf(room), this.node(to).endpoint, how);
    await this.settle();
    if (this.homeOf(room) !== to) throw new Error(`node ${to} is not the home of ${room}`);
  }

  cut(at: number, how: 'visible' | 'silent' = 'visible'): void {
    const { endpoint, clock } = this.node(at);
    if (clock.isSuspended) return;
    this.guard.linkChanges(endpoint);
    if (how === 'silent') this.network.silence(endpoint);
    else this.network.lose(endpoint, 'now');
  }

  mend(at: number): void {
    const { endpoint, clock } = this.node(at);
    if (clock.isSuspended) return;
    this.guard.linkChanges(endpoint);
    this.network.mend(endpoint);
  }

  suspend(at: number): void {
    const { endpoint, clock } = this.node(at);
    if (!endpoint.isAlive) return;
    this.guard.linkChanges(endpoint);
    clock.suspend();
    this.network.silence(endpoint, true);
  }

  /** The process goes on; its link stands again a few turns later. */
  async goOn(at: number): Promise<void> {
    const { clock } = this.node(at);
    if (!clock.isSuspended) return;
    clock.goOn();
    await turns(Math.floor(this.random() * 4));
    this.mend(at);
  }

  kill(at: number): void {
    const node = this.node(at);
    if (!node.isAlive) return;
    this.network.kill(node.endpoint);
    node.kill();
  }

  async restart(at: number): Promise<void> {
    this.kill(at);
    await this.startNode(at);
  }

  /** The process is asked to end, as in a rolling update. */
  async stop(at: number): Promise<void> {
    const node = this.node(at);
    let isOver = false;
    void node.engine.stop(STOP_MS).then(() => (isOver = true));
    await this.settle();
    for (let ms = 0; ms <= STOP_MS && !isOver; ms += STEP_MS) await this.pass(STEP_MS);
    node.kill();
  }

  /** Throws if anything was seen that must not be. */
  check(): void {
    const { faults } = this.guard;
    const frames = this.nodes.flatMap(({ hub }) => hub.faults);
    if (faults.length + frames.length > 0) throw new Error([...faults, ...frames, this.story].join('\n'));
  }
}

export function postOf(room: string, text: string, id?: string): Command {
  const fresh = id === undefined ? { fresh: true } : {};
  return { type: 'post', room_id: room, id: id ?? newId(), user: null, text, ...fresh };
}
