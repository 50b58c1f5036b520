import { Map as ImmutableMap } from 'immutable';
import { errorText } from '../errors.js';
import { refused, type Answer } from '../messages/answers.js';
import type { Command, PostCommand } from '../messages/commands.js';
import type { DurableEvent, MessagePosted, RoomEvent } from '../messages/events.js';
import { Mailbox, type Behaviour, type Parent } from '../mailbox.js';
import type { Journal, Outcome, Staged, Stager } from '../journal.js';
import type { Append, Broker, Clock, Delivery, Log, Meter, RoomRecord, Store } from '../ports.js';
import type { Policy } from '../messages/policy.js';
import { decide, expire, nextExpiry, type Circumstances, type Decision } from './decide.js';
import { evolve } from './evolve.js';
import { isPrivate, policyOf, recordOf, wake, type Fact, type RoomState } from './state.js';

/** What a room needs of the world. One object, shared by all rooms. */
export interface RoomParts {
  readonly store: Store;
  readonly broker: Broker;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly newId: () => string;
  /** Messages of all rooms that are staged and not yet decided by the store, by id: an id is unique over rooms. */
  readonly inFlight: Map<string, MessagePosted>;
  readonly presenceLimit: number;
  /** How long those who held a seat have to assert it after a room was rebuilt, ms. */
  readonly settleMs: number;
  readonly presetOf: (roomId: string) => Policy;
  /** For tests of supervision: throws when a crash is to be injected. */
  readonly fault: ((command: Command) => void) | undefined;
}

/** What a room tells its supervisor. */
export interface RoomHost {
  /** It has nothing to do and may be forgotten; whoever needs it spawns it again. */
  idle(room: RoomActor): void;
  /** A handler threw. True: rebuild; false: the room has to stay down for a while. */
  crashed(room: RoomActor, cause: unknown): boolean;
  /** It cannot go on: not loadable, or deposed. */
  ended(room: RoomActor, reason: string): void;
}

export type Signal = 'tick';
export type RoomMessage = Delivery | Signal;

const LIMITS = { limit: 20_000 };

/** The thin actor around a room's pure core: decides at once, stages what has to be stored, answers when it is. */
export class RoomActor implements Behaviour<RoomMessage>, Stager {
  readonly mailbox: Mailbox<RoomMessage>;
  private state: RoomState;
  private epoch = 0;
  /** Entries in the journal, of all epochs. */
  private staged = 0;
  /** The seats everybody has been told of; and, for each entry in the journal, those it tells of. */
  private announced: RoomState['seats'] = ImmutableMap();
  private announcing: RoomState['seats'][] = [];
  private turn: {
    append: DurableEvent[];
    record: boolean;
    purge: boolean;
    events: RoomEvent[];
    answers: [Delivery, Answer][];
  };
  /** Commands that wait for an answer from the store, or for the seats to be asserted. */
  private held: Delivery[] = [];
  private holding: 'nothing' | 'lookup' | 'seats' = 'nothing';
  /** What the store said of message ids: the message, or null. */
  private looked = new Map<string, MessagePosted | null>();
  private loading = false;
  private rebuilding = false;
  private lookingUp = false;
  private usedAt: number;
  private settlesAt = 0;
  private timer: { at: number; cancel: () => void } | null = null;

  constructor(
    readonly roomId: string,
    parent: Parent,
    name: string,
    private readonly parts: RoomParts,
    private readonly host: RoomHost,
    /** Its seats were lost with a crash: those who held one are asked to assert it. */
    recovering: boolean,
  ) {
    const lost = recovering ? { seated: [], now: parts.clock.now() } : null;
    this.state = wake(roomId, parts.presetOf(roomId), null, lost);
    this.turn = emptyTurn();
    this.usedAt = parts.clock.elapsed();
    this.mailbox = new Mailbox<RoomMessage>(parent, name, LIMITS, this);
    this.load(recovering);
  }

  /** Users with a seat. */
  get seats(): number {
    return this.state.seats.size;
  }

  /** Whether somebody holds a seat in it, or may still assert one. */
  get holdsSeats(): boolean {
    return this.state.seats.size > 0 || this.state.settling;
  }

  receive(message: RoomMessage): void {
    if (message === 'tick') {
      this.tick();
      return;
    }
    this.usedAt = this.parts.clock.elapsed();
    const { command } = message;
    if (this.holding === 'lookup' || (this.holding === 'seats' && command.type !== 'assert')) {
      if (this.held.length < LIMITS.limit) this.held.push(message);
      else message.retry('too many wait for this room');
      return;
    }
    if (command.type === 'post' && !command.fresh && this.repeated(message, command)) return;
    this.parts.fault?.(command);
    this.take(message, decide(this.state, command, this.circumstances()));
    if (command.type === 'assert') this.release();
  }

  turnEnded(): void {
    if (this.holding === 'lookup' && !this.lookingUp) this.lookUp();
    this.flush();
    this.arm();
  }

  crashed(cause: unknown, message: RoomMessage | undefined): 'resume' | 'pause' | 'stop' {
    // What was decided before the crash stands: it is stored and answered, whatever comes next.
    this.flush();
    const rebuild = this.host.crashed(this, cause);
    if (message !== undefined && message !== 'tick') {
      message.settle(
        refused({ code: 'internal', message: 'the room failed on this; it was not carried out' }),
      );
    }
    if (!rebuild) return 'resume';
    this.rebuild();
    return 'pause';
  }

  outcome(entry: Staged, outcome: Outcome): void {
    this.staged--;
    const seats = this.announcing.shift();
    if (outcome === 'committed' && seats) this.announced = seats;
    for (const event of entry.append?.events ?? []) {
      if (event.type === 'message_posted') this.parts.inFlight.delete(event.event_id);
    }
    if (outcome === 'committed' || entry.epoch !== this.epoch) {
      if (this.staged > 0) return;
      if (this.rebuilding) this.load(true);
      else if (this.state.seats.size === 0) this.arm();
      return;
    }
    // Whatever was decided on top of this entry stands on nothing.
    this.epoch++;
    if (outcome === 'fenced') this.host.ended(this, 'deposed: another node has written this room');
    else this.rebuild();
  }

  stands(entry: Staged): boolean {
    return entry.epoch === this.epoch;
  }

  /** Ends the actor. What it had not begun is delivered again or answered `unavailable`. */
  stop(reason: string): void {
    this.timer?.cancel();
    this.timer = null;
    for (const message of [...this.held, ...this.mailbox.stop()]) {
      if (message !== 'tick') message.retry(reason);
    }
    this.held = [];
  }

  /** Whether it may be forgotten now. */
  get isIdle(): boolean {
    const quiet = this.state.seats.size === 0 && this.staged === 0 && this.held.length === 0;
    if (this.rebuilding || this.lookingUp) return false;
    return quiet && this.mailbox.depth === 0 && this.turn.answers.length === 0 && !this.state.settling;
  }

  private load(settling: boolean): void {
    if (this.loading) return;
    this.loading = true;
    this.mailbox.pause();
    this.parts.store.load(this.roomId).then(
      (record: RoomRecord | null) => {
        if (this.mailbox.isStopped) return;
        this.loading = false;
        this.rebuilding = false;
        const rebuilt = settling ? { seated: this.announced.keys(), now: this.parts.clock.now() } : null;
        this.state = wake(this.roomId, this.parts.presetOf(this.roomId), record, rebuilt);
        if (settling) this.callRoll();
        this.goOn();
        this.arm();
      },
      (cause: unknown) => {
        if (!this.mailbox.isStopped) this.host.ended(this, `could not be loaded: ${errorText(cause)}`);
      },
    );
  }

  /** Begins again from the store, once everything this room has staged is decided. */
  private rebuild(): void {
    this.rebuilding = true;
    this.mailbox.pause();
    const held = this.held;
    this.held = [];
    this.holding = 'nothing';
    this.looked.clear();
    this.mailbox.putBack(held);
    if (this.staged === 0) this.load(true);
  }

  private callRoll(): void {
    this.settlesAt = this.parts.clock.elapsed() + this.parts.settleMs;
    const at = new Date(this.parts.clock.now()).toISOString();
    void this.publishNow([{ type: 'roll_call', room_id: this.roomId, at, head_seq: this.state.head_seq }]);
  }

  private take(delivery: Delivery, decision: Decision): void {
    if (decision.type === 'wait') {
      this.holding = 'seats';
      this.held.push(delivery);
      return;
    }
    this.apply(decision.facts);
    this.state = decision.state;
    this.turn.answers.push([delivery, decision.answer]);
  }

  private apply(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.type === 'woken') this.turn.record = true;
      if (fact.type === 'history_purged') this.turn.purge = true;
      if (isPrivate(fact)) continue;
      this.turn.events.push(fact);
      if (!('seq' in fact)) continue;
      this.turn.append.push(fact);
      if (fact.type === 'message_posted') this.parts.inFlight.set(fact.event_id, fact);
    }
  }

  /** Whether a post was dealt with as a repeat, or set aside until the store has said whether it is one. */
  private repeated(delivery: Delivery, command: PostCommand): boolean {
    const first = this.parts.inFlight.get(command.id) ?? this.looked.get(command.id);
    if (first === undefined) {
      this.holding = 'lookup';
      this.held.push(delivery);
      return true;
    }
    this.looked.delete(command.id);
    if (first === null) return false;
    const same =
      first.room_id === command.room_id && first.user === command.user && first.text === command.text.trim();
    if (same && delivery.redelivered) this.turn.events.push(first);
    const answer: Answer = same
      ? { type: 'posted', message: first }
      : refused({
          code: 'id_conflict',
          message: `message id ${command.id} was used before for another message`,
        });
    this.turn.answers.push([delivery, answer]);
    return true;
  }

  private lookUp(): void {
    this.mailbox.pause();
    this.lookingUp = true;
    const held = this.held;
    this.held = [];
    const ids = held.flatMap(({ command }) =>
      command.type === 'post' && !command.fresh ? [command.id] : [],
    );
    const { epoch } = this;
    this.parts.store.findMessages(ids).then(
      (found) => {
        if (epoch === this.epoch) {
          for (const id of ids) this.looked.set(id, null);
          for (const message of found) this.looked.set(message.event_id, message);
        }
        this.lookedUp(held);
      },
      (cause: unknown) => {
        this.parts.log.error(
          { room_id: this.roomId, cause: errorText(cause) },
          'room: the store did not answer',
        );
        for (const delivery of held) delivery.retry('the store did not answer');
        this.lookedUp([]);
      },
    );
  }

  private lookedUp(held: Delivery[]): void {
    this.lookingUp = false;
    this.holding = 'nothing';
    if (this.mailbox.isStopped) for (const delivery of held) delivery.retry('the room stopped');
    this.mailbox.putBack(held);
    this.goOn();
  }

  private goOn(): void {
    if (!this.rebuilding && !this.lookingUp) this.mailbox.resume();
  }

  /** Lets those who waited for seats try again, in their order. */
  private release(): void {
    if (this.holding !== 'seats') return;
    this.holding = 'nothing';
    const held = this.held;
    this.held = [];
    this.mailbox.putBack(held);
  }

  private tick(): void {
    this.timer = null;
    const { clock } = this.parts;
    if (this.state.settling && clock.elapsed() >= this.settlesAt) {
      this.state = evolve(this.state, { type: 'settled' });
      this.release();
    }
    const facts = expire(this.state, this.circumstances());
    this.apply(facts);
    this.state = facts.reduce(evolve, this.state);
    this.flush();
    if (this.isIdle && clock.elapsed() >= this.usedAt + this.idleMs()) this.host.idle(this);
  }

  private flush(): void {
    const { append, record, purge, events, answers } = this.turn;
    if (events.length === 0 && answers.length === 0 && !record && !purge) return;
    this.turn = emptyTurn();
    if (append.length === 0 && !record && !purge && this.staged === 0) {
      this.announced = this.state.seats;
      const published = events.length > 0 ? this.publishNow(events) : undefined;
      for (const [delivery, answer] of answers) delivery.settle(answer, published);
      return;
    }
    const entry: Staged = {
      stager: this,
      epoch: this.epoch,
      append: append.length > 0 || record || purge ? this.toAppend(append, purge) : null,
      events,
      answers,
    };
    this.staged++;
    this.announcing.push(this.state.seats);
    if (!this.parts.journal.stage(entry)) {
      this.outcome(entry, 'failed');
      for (const [delivery] of answers) delivery.retry('the journal is full');
    }
  }

  private toAppend(events: readonly DurableEvent[], purge: boolean): Append {
    const room = recordOf(this.state);
    return purge ? { room, events, purge_before: room.head_seq } : { room, events };
  }

  /** For events that need no commit. */
  private publishNow(events: readonly RoomEvent[]): Promise<void> {
    return this.parts.broker.publish(events).catch((cause: unknown) => {
      this.parts.meter.dropped('event_not_published');
      this.parts.log.warn(
        { room_id: this.roomId, cause: errorText(cause) },
        'room: events could not be published',
      );
    });
  }

  /** One timer per room, for whichever comes first: a seat to be freed, the end of settling, or being idle. */
  private arm(): void {
    const { clock } = this.parts;
    if (this.mailbox.isStopped) return;
    const now = clock.elapsed();
    const expiry = nextExpiry(this.state);
    const at = Math.min(
      expiry === null ? Infinity : now + Math.max(0, expiry - clock.now()),
      this.state.settling ? this.settlesAt : Infinity,
      this.holdsSeats || this.staged > 0 ? Infinity : this.usedAt + this.idleMs(),
    );
    if (at === Infinity || (this.timer && this.timer.at <= at)) return;
    this.timer?.cancel();
    this.timer = { at, cancel: clock.after(Math.max(1, at - now), () => this.ring()) };
  }

  private ring(): void {
    this.timer = null;
    // A full mailbox is not idle; its next turn arms the timer anew.
    this.mailbox.tell('tick');
  }

  /** A room that was only asked about, and never opened, is not kept. */
  private idleMs(): number {
    return this.state.status === 'absent' ? 0 : policyOf(this.state).idle_ms;
  }

  private circumstances(): Circumstances {
    return { now: this.parts.clock.now(), newId: this.parts.newId, presenceLimit: this.parts.presenceLimit };
  }
}

function emptyTurn(): RoomActor['turn'] {
  return { append: [], record: false, purge: false, events: [], answers: [] };
}
