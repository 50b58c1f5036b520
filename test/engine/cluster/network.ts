import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import type { RoomEvent } from '../../../engine/messages/events.js';
import type { Word } from '../../../engine/messages/words.js';
import type { Clock } from '../../../engine/ports.js';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import { Leases } from './leases.js';
import { Partition } from './partition.js';
import type { Carrier, Observer, Peer, Request, Timing } from './parts.js';
import { Wire } from './wire.js';

/**
 * A broker for several nodes in one process that keeps the guarantees of the port, and nothing beyond them. Its links
 * can be cut, its partitions moved, and what it carries delayed. Virtual time, and turns of the event loop.
 */
export class Network implements Carrier {
  readonly wire = new Wire();
  readonly partitions: readonly Partition[];
  readonly endpoints: Peer[] = [];
  readonly buried: Command[] = [];
  /** How many of each were carried: `request post`, `event typing`, `word present`; `presences` in asserts and words. */
  readonly carried = new Map<string, number>();
  readonly leases: Leases;

  constructor(
    readonly clock: Clock,
    readonly timing: Timing,
    partitions: number,
    readonly random: () => number,
    private readonly observer: Observer,
  ) {
    this.partitions = Array.from({ length: partitions }, (_, index) => new Partition(index, this));
    this.leases = new Leases(this);
  }

  partitionOf(room: string): Partition {
    const partition = this.partitions[partitionOf(slotOf(room), this.partitions.length)];
    if (!partition) throw new Error(`there is no partition for ${room}`);
    return partition;
  }

  fault(text: string): void {
    this.observer.fault(text);
  }

  /** How much was carried in all, of requests, events and words. */
  get traffic(): number {
    let sum = 0;
    for (const [what, count] of this.carried) if (what !== 'presences') sum += count;
    return sum;
  }

  private count(what: string, by = 1): void {
    this.carried.set(what, (this.carried.get(what) ?? 0) + by);
  }

  note(line: string): void {
    this.observer.trace(line);
  }

  requested(from: Peer, command: Command): void {
    this.note(`    n${from.index} asks ${JSON.stringify(command)}`);
    this.count(`request ${command.type}`);
    if (command.type === 'assert') this.count('presences', command.present.length);
  }

  said(from: Peer, word: Word): void {
    this.note(`    n${from.index} says ${JSON.stringify(word)}`);
    this.count(`word ${word.type}`);
    if (word.type === 'present') this.count('presences', word.present.length);
  }

  published(from: Peer, events: readonly RoomEvent[]): void {
    for (const { type } of events) this.count(`event ${type}`);
    this.observer.published(from, events);
  }

  route(from: Peer, events: readonly RoomEvent[]): void {
    if (events.length === 0) return;
    for (const other of this.endpoints)
      if (other !== from && (other.link === 'up' || other.link === 'silent')) other.hear(events);
  }

  answer(home: Peer, asker: Peer, request: Request, answer: Answer): void {
    this.wire.send(
      `answer ${home.index}.${asker.index}.`,
      asker.delay('answers'),
      () => {
        if (asker.link === 'up') request.answer(answer);
      },
      () => home.link === 'silent' || asker.link === 'silent',
    );
  }

  /** A command of this sender is about to be delivered there. */
  heardFrom(sender: Peer, home: Peer): void {
    this.leases.heard(sender, home);
  }

  dropTo(endpoint: Peer): void {
    for (const other of this.endpoints)
      for (const lane of ['word', 'answer']) this.wire.drop(`${lane} ${other.index}.${endpoint.index}.`);
  }

  /* What happens to links and homes. */

  joined(endpoint: Peer): void {
    this.endpoints.push(endpoint);
    this.stands(endpoint);
  }

  /** Everything this node sends or should get waits, and nobody knows why. `asleep`: it does nothing until it is mended. */
  silence(endpoint: Peer, asleep = false): void {
    if (endpoint.link !== 'up') return;
    endpoint.link = 'silent';
    this.leases.out(endpoint);
    if (asleep) this.noticed(endpoint);
    else this.leases.at(endpoint, this.timing.noticeMs, () => this.noticed(endpoint));
    this.leases.at(endpoint, this.timing.giveUpMs, () => this.lose(endpoint, 'later'));
  }

  private noticed(endpoint: Peer): void {
    for (const { home, session } of this.partitions)
      if (home === endpoint && session) session.isCurrent = false;
  }

  /** The link is lost, for good. Its node learns at once, or when it has a new one, which sessions are over. */
  lose(endpoint: Peer, told: 'now' | 'later'): void {
    if (!endpoint.isAlive || endpoint.link === 'down') return;
    endpoint.link = 'down';
    this.leases.out(endpoint);
    this.loseAll(endpoint);
    // What was stuck while the link was silent is not any more.
    this.wire.poke();
    if (told === 'now') endpoint.tellOfEndedSessions();
  }

  mend(endpoint: Peer): void {
    if (endpoint.link === 'silent') {
      endpoint.link = 'up';
      for (const { home, session } of this.partitions)
        if (home === endpoint && session) session.isCurrent = true;
      for (const confirmed of endpoint.unconfirmed.splice(0)) confirmed();
    } else if (endpoint.link === 'down') endpoint.reconnected();
    else return;
    this.stands(endpoint);
  }

  private stands(endpoint: Peer): void {
    const isNew = endpoint.outSince === null;
    endpoint.link = 'up';
    const wereGone = this.leases.isBack(endpoint);
    // Nobody has taken a new node for gone, and it none.
    if (!isNew) {
      const mayHaveMissed = new Set(wereGone);
      if (endpoint.hasMissed) mayHaveMissed.add(endpoint);
      for (const one of mayHaveMissed) one.handlers?.missed(wereGone.has(one));
    }
    endpoint.hasMissed = false;
    endpoint.flush();
    endpoint.requests.flush();
    for (const partition of this.partitions) {
      if (partition.home === null) this.settleHome(partition);
      else partition.pump();
    }
    this.wire.poke();
  }

  /** The node is gone, and whatever it had in memory. */
  kill(endpoint: Peer): void {
    if (!endpoint.isAlive) return;
    endpoint.link = 'dead';
    this.leases.out(endpoint);
    this.loseAll(endpoint);
    endpoint.handlers = null;
  }

  closed(endpoint: Peer): void {
    if (!endpoint.isAlive) return;
    endpoint.requests.refuseAll();
    endpoint.link = 'closed';
    this.leases.out(endpoint);
    this.loseAll(endpoint);
  }

  private loseAll(endpoint: Peer): void {
    endpoint.lose();
    for (const partition of this.partitions)
      if (partition.home === endpoint) {
        const session = partition.end();
        if (session) endpoint.endedSessions.push(session);
        this.settleHome(partition);
      }
  }

  /** Gives a partition without a home to a node that lives, in a turn or two. */
  private settleHome(partition: Partition, wanted?: Peer): void {
    this.wire.send(`begin ${partition.index}.`, Math.floor(this.random() * 3), () => {
      if (partition.home) return;
      const able = this.endpoints.filter(({ link }) => link === 'up');
      const home = wanted?.link === 'up' ? wanted : able[partition.index % Math.max(1, able.length)];
      if (home) partition.begin(home);
    });
  }

  /** Another node becomes the home: `drain` when the old one has finished what it has, at once with `abrupt`. */
  move(partition: Partition, to: Peer, how: 'drain' | 'abrupt'): void {
    const { home } = partition;
    if (!home || home.link !== 'up' || to.link !== 'up' || home === to) return;
    const handOver = (): void => {
      if (partition.home !== home) return;
      const session = partition.end();
      if (session) home.endedSessions.push(session);
      this.settleHome(partition, to);
      // The next home may have begun a moment before the old one learns of it.
      this.wire.send(`ended ${home.index}.`, Math.floor(this.random() * 6), () => home.tellOfEndedSessions());
    };
    if (how === 'drain') partition.drain(handOver);
    else handOver();
  }

  drainAll(endpoint: Peer, ms: number): Promise<void> {
    const homes = this.partitions.filter(({ home }) => home === endpoint);
    return new Promise((drained) => {
      let open = homes.length;
      const one = (): void => {
        if (--open <= 0) drained();
      };
      if (open === 0) drained();
      this.clock.after(ms, drained);
      for (const partition of homes)
        partition.drain(() => {
          const session = partition.end();
          if (session) endpoint.endedSessions.push(session);
          endpoint.tellOfEndedSessions();
          this.settleHome(
            partition,
            this.endpoints.find((other) => other !== endpoint && other.link === 'up'),
          );
          one();
        });
    });
  }
}
