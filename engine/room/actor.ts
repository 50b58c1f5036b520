import { errorText } from '../errors.js';
import type { Outcome } from '../journal.js';
import type { Dispatcher } from '../dispatcher.js';
import { Mailbox, type Behaviour } from '../mailbox.js';
import { refused } from '../messages/answers.js';
import type { JoinCommand } from '../messages/commands.js';
import type { DurableEvent, RoomEvent } from '../messages/events.js';
import type { Delivery, RoomRecord } from '../ports.js';
import { Alarm } from './alarm.js';
import { decide } from './decide.js';
import { evolve } from './evolve.js';
import { Outbox, type OutboxOwner } from './outbox.js';
import type { Room, RoomHost, RoomMessage, RoomParts } from './parts.js';
import { Repeats } from './repeats.js';
import { expire, nextExpiry } from './seating.js';
import { policyOf, wake, type Fact, type RoomState } from './state.js';
import type { Circumstances, Decision } from './verdict.js';

/** So many a turn that a busy room shares its commits and writes, and so few that the others do not wait for it. */
const LIMITS = { limit: 20_000, batch: 64 };

/** The thin actor around a room's pure core: decides at once, stages what has to be stored, answers when it is. */
export class RoomActor implements Room, Behaviour<RoomMessage>, OutboxOwner {
  readonly mailbox: Mailbox<RoomMessage>;
  private state: RoomState;
  private readonly outbox: Outbox;
  private readonly repeats: Repeats;
  /** Commands that wait for an answer from the store, or for the seats to be asserted. */
  private held: Delivery[] = [];
  private holding: 'nothing' | 'lookup' | 'seats' = 'nothing';
  private loading = false;
  private rebuilding = false;
  private lookingUp = false;
  /** Commits that failed so far. */
  private failures = 0;
  private usedAt: number;
  private settlesAt = 0;
  private readonly alarm: Alarm;

  constructor(
    readonly roomId: string,
    dispatcher: Dispatcher,
    private readonly parts: RoomParts,
    private readonly host: RoomHost,
    /** Its seats were lost with a crash: those who held one are asked to assert it. */
    recovering: boolean,
  ) {
    const lost = recovering ? { seated: [], now: parts.clock.now() } : null;
    this.state = wake(roomId, parts.presetOf(roomId), null, lost);
    this.outbox = new Outbox(roomId, parts, this);
    this.repeats = new Repeats(parts.inFlight);
    this.usedAt = parts.clock.elapsed();
    this.mailbox = new Mailbox<RoomMessage>(dispatcher, LIMITS, this);
    // A full mailbox is not idle; its next turn sets the alarm anew.
    this.alarm = new Alarm(parts.clock, () => this.mailbox.tell('tick'));
    this.load(recovering);
  }

  /** Users with a seat. */
  get seats(): number {
    return this.state.seats.size;
  }

  get holdsSeats(): boolean {
    return this.state.seats.size > 0 || this.state.settling;
  }

  get isIdle(): boolean {
    if (this.holdsSeats || this.rebuilding || this.lookingUp) return false;
    return this.outbox.isEmpty && this.held.length === 0 && this.mailbox.depth === 0;
  }

  receive(message: RoomMessage): void {
    if (message === 'tick') {
      this.tick();
      return;
    }
    this.usedAt = this.parts.clock.elapsed();
    if (message.overtakes) {
      message.retry('a command before it is tried again');
      return;
    }
    const { command } = message;
    if (this.holding === 'lookup' || (this.holding === 'seats' && command.type !== 'assert')) {
      if (this.held.length < LIMITS.limit) this.held.push(message);
      else message.retry('too many wait for this room');
      return;
    }
    if (command.type === 'post') {
      const repeat = this.repeats.of(command);
      if (repeat === 'unknown') {
        this.hold(message, 'lookup');
        return;
      }
      if (repeat !== 'new') {
        if (this.isBehind(repeat.first)) {
          this.catchUp(message);
          return;
        }
        if (message.redelivered && repeat.answer.type === 'posted') this.outbox.tell(repeat.first);
        this.outbox.answer(message, repeat.answer);
        return;
      }
    }
    this.parts.fault?.(command);
    this.take(message, decide(this.state, command, this.circumstances()));
    if (command.type === 'join') this.doubt(command, message.redelivered);
    if (command.type === 'assert') this.release();
  }

  turnEnded(): void {
    if (this.holding === 'lookup' && !this.lookingUp) this.lookUp();
    this.outbox.flush(this.state);
    this.arm();
  }

  crashed(cause: unknown, message: RoomMessage | undefined): 'resume' | 'pause' | 'stop' {
    // What was decided before the crash stands: it is stored and answered, whatever comes next.
    this.outbox.flush(this.state);
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

  settled(): void {
    if (this.rebuilding) this.load(true);
    else if (!this.holdsSeats) this.arm();
  }

  failed(outcome: Outcome): void {
    if (outcome === 'duplicate')
      this.parts.log.warn({ room_id: this.roomId }, 'room: an id came twice; what stood on it is refused');
    if (outcome === 'fenced') {
      this.host.ended(this, 'deposed: another node has written this room');
      return;
    }
    this.failures++;
    // A durable broker delivers what failed again: what stands behind it must not overtake it.
    this.giveBack([...this.held, ...this.mailbox.takeAll()], 'a commit before it failed');
    this.held = [];
    this.rebuild();
  }

  /** Ends the actor. What it had not begun is delivered again or answered `unavailable`. */
  stop(reason: string): void {
    this.alarm.off();
    this.giveBack([...this.held, ...this.mailbox.stop()], reason);
    this.held = [];
  }

  private giveBack(messages: readonly RoomMessage[], reason: string): void {
    for (const message of messages) if (message !== 'tick') message.retry(reason);
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
        const rebuilt = settling ? { seated: this.outbox.seated, now: this.parts.clock.now() } : null;
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
    this.repeats.clear();
    this.letGo();
    if (this.outbox.isSettled) this.load(true);
  }

  /** Whether the store has more of this room than the room knows. */
  private isBehind(first: DurableEvent): boolean {
    return first.room_id === this.roomId && first.seq > this.state.head_seq;
  }

  /**
   * A commit that the store had not answered in time has come true after all: this message is in the store, and nobody
   * was told. Rebuilt, the room calls the roll, and audiences that miss it read it.
   */
  private catchUp(message: Delivery): void {
    this.parts.log.warn({ room_id: this.roomId }, 'room: the store is ahead; rebuilt from it');
    this.held.push(message);
    this.outbox.flush(this.state);
    this.rebuild();
  }

  private callRoll(): void {
    this.settlesAt = this.parts.clock.elapsed() + this.parts.settleMs;
    void this.outbox.publish([this.rollCall()]);
  }

  private rollCall(): RoomEvent {
    const at = new Date(this.parts.clock.now()).toISOString();
    return { type: 'roll_call', room_id: this.roomId, at, head_seq: this.state.head_seq };
  }

  /**
   * A join that comes again, or from another node, may be one whose connection went long ago, with its node: then
   * nobody would ever give its seat back. So the seat counts as left at once, and as taken when it is asserted.
   */
  private doubt({ user, connection_id, node_id }: JoinCommand, redelivered: boolean): void {
    const seat = this.state.seats.get(user);
    if ((!redelivered && node_id === this.parts.nodeId) || !seat?.includes(connection_id)) return;
    const gone: Fact = { type: 'connection_gone', user, connection_id, at: this.parts.clock.now() };
    this.state = evolve(this.state, gone);
    this.outbox.tell(this.rollCall());
  }

  private take(delivery: Delivery, decision: Decision): void {
    if (decision.type === 'wait') {
      this.hold(delivery, 'seats');
      return;
    }
    this.outbox.add(decision.facts);
    this.state = decision.state;
    this.outbox.answer(delivery, decision.answer);
  }

  /** This command and those behind it wait. */
  private hold(delivery: Delivery, reason: 'lookup' | 'seats'): void {
    this.holding = reason;
    this.held.push(delivery);
  }

  /** Those that waited are dealt with again, in their order. */
  private letGo(held = this.held): void {
    this.holding = 'nothing';
    this.held = [];
    this.mailbox.putBack(held);
  }

  private release(): void {
    if (this.holding === 'seats') this.letGo();
  }

  private lookUp(): void {
    this.mailbox.pause();
    this.lookingUp = true;
    const { held, failures } = this;
    this.held = [];
    this.repeats.lookUp(held, this.parts.store).then(
      () => this.lookedUp(held, failures),
      (cause: unknown) => {
        const fields = { room_id: this.roomId, cause: errorText(cause) };
        this.parts.log.error(fields, 'room: the store did not answer');
        this.giveBack(held, 'the store did not answer');
        this.lookedUp([], failures);
      },
    );
  }

  private lookedUp(held: Delivery[], failures: number): void {
    this.lookingUp = false;
    const overtakes = this.failures !== failures;
    if (overtakes || this.mailbox.isStopped) this.giveBack(held, 'a commit before it failed');
    this.letGo(overtakes ? [] : held);
    this.goOn();
  }

  private goOn(): void {
    if (!this.rebuilding && !this.lookingUp) this.mailbox.resume();
  }

  private tick(): void {
    const { clock } = this.parts;
    if (this.state.settling && clock.elapsed() >= this.settlesAt) {
      this.state = evolve(this.state, { type: 'settled' });
      this.release();
    }
    const facts = expire(this.state, this.circumstances());
    this.outbox.add(facts);
    this.state = facts.reduce(evolve, this.state);
    this.outbox.flush(this.state);
    if (this.isIdle && clock.elapsed() >= this.usedAt + this.idleMs()) this.host.idle(this);
  }

  /** Waits for whichever comes first: a seat to be freed, the end of settling, or being idle. */
  private arm(): void {
    const { clock } = this.parts;
    if (this.mailbox.isStopped) return;
    const expiry = nextExpiry(this.state);
    this.alarm.by(
      Math.min(
        expiry === null ? Infinity : clock.elapsed() + Math.max(0, expiry - clock.now()),
        this.state.settling ? this.settlesAt : Infinity,
        this.holdsSeats || !this.outbox.isSettled ? Infinity : this.usedAt + this.idleMs(),
      ),
    );
  }

  /** A room that was only asked about, and never opened, is not kept. */
  private idleMs(): number {
    return this.state.status === 'absent' ? 0 : policyOf(this.state).idle_ms;
  }

  private circumstances(): Circumstances {
    const { about, clock } = this.parts;
    about.now = clock.now();
    return about;
  }
}
