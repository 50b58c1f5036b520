import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { isDurable, type RoomEvent } from '../../../engine/messages/events.js';
import type { Word } from '../../../engine/messages/words.js';
import type { Broker, BrokerHandlers, BrokerState, Clock, Delivery } from '../../../engine/ports.js';
import { slotOf } from '../../../engine/slots.js';
import type { Carrier, Delayed, HomeSession, Peer } from './parts.js';
import { Requests, unavailable } from './requests.js';

interface Slot {
  audiences: number;
  isBound: boolean;
  waiting: { readonly bound: () => void; readonly cancel: () => void }[];
}

interface Published {
  readonly events: readonly RoomEvent[];
  readonly done: () => void;
}

/** One node's broker. */
export class Endpoint implements Broker, Peer {
  link: Peer['link'] = 'down';
  outSince: number | null = null;
  hasMissed = false;
  wasGone = false;
  readonly known = new Set<string>();
  readonly requests: Requests;
  unconfirmed: (() => void)[] = [];
  endedSessions: HomeSession[] = [];
  delays: Partial<Record<Delayed, number>> = {};
  handlers: BrokerHandlers | null = null;
  private unpublished: Published[] = [];
  private isOverflowing = false;
  private readonly slots = new Map<number, Slot>();

  constructor(
    readonly index: number,
    readonly nodeId: string,
    /** Stands still with the node. */
    readonly clock: Clock,
    private readonly network: Carrier,
  ) {
    this.requests = new Requests(this, network);
  }

  delay(kind: Delayed): number {
    const most = this.delays[kind] ?? 0;
    return most === 0 ? 0 : Math.floor(this.network.random() * (most + 1));
  }

  get isAlive(): boolean {
    return this.link !== 'dead' && this.link !== 'closed';
  }

  start(handlers: BrokerHandlers): Promise<void> {
    this.handlers = handlers;
    this.network.joined(this);
    return Promise.resolve();
  }

  deliver(delivery: Delivery): void {
    this.handlers?.command(delivery);
  }

  request(command: Command, onAnswer: (answer: Answer) => void): void {
    if (this.link === 'dead') return;
    this.network.requested(this, command);
    if (this.link === 'closed') queueMicrotask(() => onAnswer(unavailable('no', 'the broker is closed')));
    else this.requests.add(command, onAnswer);
  }

  publish(events: readonly RoomEvent[]): Promise<void> {
    if (this.link === 'dead') return new Promise(() => undefined);
    if (this.link === 'closed') return Promise.reject(new Error('the broker is closed'));
    this.network.published(this, events);
    this.handlers?.events(events);
    return new Promise((done) => {
      this.unpublished.push({ events, done });
      this.flush();
    });
  }

  /** Hands over to the broker what was published, if there is a link. */
  flush(): void {
    if (this.link !== 'up') return;
    for (const { events, done } of this.unpublished.splice(0)) {
      this.network.route(this, events);
      this.network.wire.send(
        `confirm ${this.index}.`,
        this.delay('confirms'),
        done,
        () => this.link === 'silent',
      );
    }
  }

  /** What comes from the others. */
  hear(events: readonly RoomEvent[]): void {
    const bound = events.filter(({ room_id }) => this.slots.get(slotOf(room_id))?.isBound === true);
    if (bound.length === 0) return;
    const isLost = this.isOverflowing;
    this.isOverflowing = false;
    this.network.wire.send(
      `events ${this.index}.`,
      this.delay('events'),
      () => (isLost ? this.handlers?.missed(false) : this.handlers?.events(bound)),
      () => this.link === 'silent',
    );
  }

  say(word: Word, to: string | null): void {
    if (!this.isAlive) return;
    this.network.said(this, word);
    if (to === null || to === this.nodeId) this.handlers?.word(word);
    if (this.link === 'down') return;
    for (const other of this.network.endpoints) {
      if (other === this || !other.isAlive || (to !== null && other.nodeId !== to)) continue;
      this.network.wire.send(
        `word ${this.index}.${other.index}.`,
        other.delay('words'),
        () => {
          if (other.link === 'up') other.handlers?.word(word);
        },
        () => this.link === 'silent' || other.link === 'silent',
      );
    }
  }

  nodes(): ReadonlySet<string> {
    return this.known;
  }

  subscribe(number: number): Promise<void> {
    const slot = this.slots.get(number) ?? { audiences: 0, isBound: false, waiting: [] };
    this.slots.set(number, slot);
    slot.audiences++;
    if (slot.isBound) return Promise.resolve();
    return new Promise((bound, failed) => {
      const cancel = this.clock.after(this.network.timing.replyTimeoutMs, () => {
        slot.waiting = slot.waiting.filter((one) => one.cancel !== cancel);
        failed(new Error('amqp://broker.example:5672 does not answer'));
      });
      slot.waiting.push({ bound, cancel });
      if (this.link !== 'down') this.bind(number, slot);
    });
  }

  unsubscribe(number: number): void {
    const slot = this.slots.get(number);
    if (slot && --slot.audiences === 0) this.slots.delete(number);
  }

  private bind(number: number, slot: Slot): void {
    this.network.wire.send(
      `bind ${this.index}.`,
      this.delay('events'),
      () => {
        if (this.slots.get(number) !== slot) return;
        slot.isBound = true;
        for (const { bound, cancel } of slot.waiting.splice(0)) {
          cancel();
          bound();
        }
      },
      () => this.link === 'silent',
    );
  }

  /** The next events for this node find no room in its queue; it is told when they would have arrived. */
  overflow(): void {
    this.isOverflowing = true;
  }

  /** The link is lost: with it what was on its way to this node, and its subscriptions until there is a new one. */
  lose(): void {
    this.hasMissed = true;
    for (const lane of ['events', 'bind', 'answer', 'word']) this.network.wire.drop(`${lane} ${this.index}.`);
    this.network.dropTo(this);
    for (const slot of this.slots.values()) slot.isBound = false;
    this.unconfirmed = [];
    this.requests.lost(!this.isAlive);
  }

  /** There is a new link. What an old session had to say to whoever was there is not said any more. */
  reconnected(): void {
    this.tellOfEndedSessions();
    for (const [number, slot] of this.slots) {
      // All that is published from now on arrives, so it is bound before anything else happens.
      slot.isBound = true;
      for (const { bound, cancel } of slot.waiting.splice(0)) {
        cancel();
        bound();
      }
      this.slots.set(number, slot);
    }
    this.unpublished = this.unpublished.map(({ events, done }) => ({
      events: events.filter(isDurable),
      done,
    }));
  }

  tellOfEndedSessions(): void {
    for (const session of this.endedSessions.splice(0)) this.handlers?.sessionEnded(session);
  }

  state(): BrokerState {
    const ready = this.link === 'up' || this.link === 'silent';
    return {
      kind: 'simulated',
      ready,
      reason: ready ? null : `the link is ${this.link}`,
      pending: this.requests.pending,
      buffered: this.requests.buffered,
      partitions: this.network.partitions.filter(({ home }) => home === this).length,
    };
  }

  drain(ms: number): Promise<void> {
    return this.network.drainAll(this, ms);
  }

  close(): Promise<void> {
    this.network.closed(this);
    return Promise.resolve();
  }
}
