import { errorText } from '../errors.js';
import type { Outcome } from '../journal.js';
import { Mailbox, type Behaviour } from '../mailbox.js';
import { notDelivered, refused } from '../messages/answers.js';
import {
  isChange,
  type AssertCommand,
  type ChangeCommand,
  type Command,
  type JoinCommand,
  type PostCommand,
} from '../messages/commands.js';
import type { DurableEvent } from '../messages/events.js';
import type { Delivery, RoomRecord, Session } from '../ports.js';
import type { Scheduler } from '../scheduler.js';
import { Alarm } from './alarm.js';
import { Attendance } from './attendance.js';
import { RoomCore } from './core.js';
import type { Context } from './decision.js';
import { memberList } from './facts.js';
import { firstAnswer } from './first-answer.js';
import type { OutboxOwner } from './outbox.js';
import type { RoomMessage } from './message.js';
import type { RoomParts } from './parts.js';
import { Repeats } from './repeats.js';
import { closesWhenEmpty } from './rules.js';
import { expire, nextExpiry } from './seating.js';
import { policyOf, type Fact, type RoomState } from './state.js';
import type { RoomSupervisor, WakeUp } from './supervisor.js';

/**
 * Batch: large enough that a busy room shares commits and writes; small enough that other rooms do not wait
 * for it.
 */
const LIMITS = { limit: 20_000, batch: 64 };
/**
 * While the node cannot tell whether it is still the room's home, the room checks again every this many ms.
 */
const UNSURE_MS = 50;
/**
 * So many ms after a roll call a room that may close by itself reads its record again: longer than PostgreSQL may take
 * over what the home before it has decided.
 */
const READ_AGAIN_MS = 10_000;

/**
 * What a room is doing. It decides commands in the phase `open` only.
 *
 * - draining → loading → open: after a fault the journal decides what is staged, then the store is read;
 * - open ⇄ waiting: a command needs to know all members, and a roll call is under way;
 * - open ⇄ looking_up: the store is asked whether commands are repeats;
 * - open ⇄ unsure: the node cannot tell whether it is still the room's home;
 * - crashed: until the supervisor has decided;
 * - stopped: for good.
 */
type Phase = 'draining' | 'loading' | 'open' | 'waiting' | 'looking_up' | 'unsure' | 'crashed' | 'stopped';

/**
 * The thin actor around a room's pure core. It decides a command at once, stages the events in the journal,
 * and answers when they are stored.
 */
export class RoomActor implements Behaviour<RoomMessage>, OutboxOwner {
  readonly mailbox: Mailbox<RoomMessage>;
  private phase: Phase = 'loading';
  private readonly core: RoomCore;
  private readonly repeats: Repeats;
  private readonly attendance: Attendance;
  /** Whether loading is followed by a roll call. */
  private callsRoll: boolean;
  /** The session in which the room was woken. */
  readonly session: Session;
  /**
   * Number of the last question to the store, so that a late answer to an earlier one is not taken for its
   * answer.
   */
  private asked = 0;
  /** Clients have to be sent the list of members once the node is known to be the room's home again. */
  private owesList = false;
  private asksAgain = false;
  private used: number;
  private readonly alarm: Alarm;
  /** seq of the last event of an `open` or `close` that may have been decided before, without an event. */
  private redone = 0;
  /** When the node was last found to be the room's home after all; monotonic, ms. */
  private sureSince = -Infinity;

  constructor(
    readonly roomId: string,
    scheduler: Scheduler,
    private readonly parts: RoomParts,
    readonly supervisor: RoomSupervisor,
    wakeUp: WakeUp,
  ) {
    this.session = wakeUp.session;
    this.callsRoll = wakeUp.callRoll;
    this.attendance = new Attendance(roomId, parts, wakeUp.remembered);
    this.core = new RoomCore(roomId, parts, this, wakeUp.callRoll, this.attendance);
    this.repeats = new Repeats(roomId, parts.inFlight);
    this.used = parts.clock.elapsed();
    this.mailbox = new Mailbox<RoomMessage>(scheduler, LIMITS, this);
    this.alarm = new Alarm(parts.clock, () => this.mailbox.tellFirst({ type: 'tick' }));
  }

  /** Users with a seat. */
  get seats(): number {
    return this.core.state.seats.size;
  }

  /** Users whom clients believe to be members. They keep their seats when the room is rebuilt. */
  get members(): readonly string[] {
    return [...new Set([...this.attendance.remembered, ...this.core.members])];
  }

  /** Whether there are members, or may be some that the room does not know of yet, or it waits for news of them. */
  get mayHaveMembers(): boolean {
    const { seats, calling } = this.core.state;
    return seats.size > 0 || calling || this.attendance.remembered.length > 0 || this.attendance.waitsForNode;
  }

  /** When the last command came; monotonic, ms. */
  get usedAt(): number {
    return this.used;
  }

  /** Whether the room may be put to sleep now. */
  get isIdle(): boolean {
    if (this.phase !== 'open' || this.mayHaveMembers || this.core.state.vacant_since !== null) return false;
    return this.core.isQuiet && this.mailbox.depth === 0;
  }

  /**
   * Begins, or begins again after a fault. Reads the store once the journal has decided everything that is
   * staged.
   */
  begin(): void {
    this.attendance.reset(this.members);
    this.repeats.clear();
    this.mailbox.resume();
    this.enter('draining');
    if (this.core.isDrained) this.load();
  }

  /** Goes on after a fault that has left the state whole. */
  resume(): void {
    this.enter('open');
    this.arm();
  }

  /** Ends the actor. Commands that it has not dealt with are delivered again or answered `unavailable`. */
  stop(reason: string): void {
    this.phase = 'stopped';
    this.alarm.off();
    for (const message of this.mailbox.stop()) if ('command' in message) message.retry(reason, true);
  }

  /** The node is no longer the room's home: this room publishes, commits and answers nothing any more. */
  abandon(): void {
    this.core.abandon();
    this.stop('the node is no longer the home of this room');
  }

  receive(message: RoomMessage): void {
    if ('command' in message) {
      this.command(message);
      return;
    }
    switch (message.type) {
      case 'loaded':
        if (this.phase === 'loading' && message.load === this.asked)
          this.loaded(message.record, message.latest);
        return;
      case 'not_loaded':
        if (this.phase === 'loading' && message.load === this.asked)
          this.supervisor.ended(`could not be loaded: ${errorText(message.cause)}`);
        return;
      case 'looked_up':
        if (this.phase === 'looking_up' && message.lookup === this.asked) this.enter('open');
        return;
      case 'not_looked_up':
        if (this.phase === 'looking_up' && message.lookup === this.asked) this.notLookedUp(message.cause);
        return;
      case 'read_again':
        this.readAgain(message.after);
        return;
      case 'was_read_again':
        this.wasReadAgain(message);
        return;
      case 'commit_failed':
        this.failed(message.outcome);
        return;
      case 'drained':
        if (this.phase === 'draining' && this.core.isDrained) this.load();
        return;
      case 'present':
      case 'checked':
      case 'node_gone':
        if (this.isCurrent) this.hear(message);
        else this.parts.clock.after(UNSURE_MS, () => this.mailbox.tellFirst(message));
        return;
      case 'ask_again':
        this.askAgain();
        return;
      case 'tick':
        this.tick();
    }
  }

  turnEnded(): void {
    switch (this.phase) {
      case 'stopped':
      case 'crashed':
        return;
      case 'draining':
      case 'loading':
        // What it knew before this phase is out of date.
        this.core.forgetTurn();
        return;
      default:
        this.core.endTurn();
        this.attendance.endTurn();
        this.arm();
    }
  }

  crashed(cause: unknown, message: RoomMessage | undefined): void {
    const delivery = message !== undefined && 'command' in message ? message : null;
    this.enter('crashed');
    this.mailbox.freeze();
    const { whole, answered } = this.core.crashed(delivery);
    if (delivery !== null && !answered) {
      delivery.settle(
        refused({ code: 'internal', message: 'the room failed on this; it was not carried out' }),
      );
    }
    this.supervisor.crashed(cause, whole);
  }

  drained(): void {
    if (this.phase === 'draining') this.mailbox.tellFirst({ type: 'drained' });
    else if (!this.mayHaveMembers) this.arm();
  }

  commitFailed(outcome: Outcome): void {
    this.mailbox.tellFirst({ type: 'commit_failed', outcome });
  }

  get isCurrent(): boolean {
    return this.session.isCurrent;
  }

  withheld(): void {
    this.owesList = true;
    this.askLater();
  }

  /* ------------------------------------------------------------- Phases */

  private enter(phase: Phase): void {
    if (this.phase === 'stopped') return;
    this.phase = phase;
    if (phase === 'open') this.mailbox.resume();
    else this.mailbox.pause();
  }

  /** This command and the ones behind it wait until the phase ends. */
  private waitIn(phase: Phase, delivery: Delivery): void {
    this.enter(phase);
    this.mailbox.putBack([delivery]);
  }

  private load(): void {
    this.enter('loading');
    const load = ++this.asked;
    const { store } = this.parts;
    const newest = { room_id: this.roomId, limit: 1, messages_only: false };
    Promise.all([store.load(this.roomId), store.history(newest)]).then(
      ([record, [last]]) => {
        const latest = last === undefined ? 0 : Date.parse(last.at);
        this.mailbox.tellFirst({ type: 'loaded', load, record, latest });
      },
      (cause: unknown) => this.mailbox.tellFirst({ type: 'not_loaded', load, cause }),
    );
  }

  private loaded(record: RoomRecord | null, latest: number): void {
    const { callsRoll } = this;
    this.core.wake(record, callsRoll, latest);
    this.callsRoll = true;
    this.enter('open');
    if (!callsRoll) return;
    this.attendance.call(this.core.state.head_seq);
    this.core.forgetContext();
    this.learn((state, ctx) => this.attendance.begin(state, ctx));
  }

  /**
   * A commit failed. A durable broker delivers its commands again, so the commands that wait here are given
   * back too: they must not overtake them.
   */
  private failed(outcome: Outcome): void {
    if (outcome === 'fenced') {
      this.supervisor.ended('another node has written it');
      return;
    }
    if (outcome === 'duplicate')
      this.parts.log.warn(
        { room_id: this.roomId },
        'room: a message id is in the store already; commands decided after it are tried again',
      );
    this.core.abandon();
    this.giveBack('a commit before it failed');
    this.begin();
  }

  private giveBack(reason: string): void {
    // An outage passes by itself. A fault of this room alone may not.
    const { ready } = this.parts.store.state();
    for (const message of this.mailbox.takeAll()) if ('command' in message) message.retry(reason, !ready);
  }

  /** The session may be over and another home may be deciding, so this command waits until that is known. */
  private waitUntilSure(delivery: Delivery): void {
    this.waitIn('unsure', delivery);
    this.askLater();
  }

  private askLater(): void {
    if (this.asksAgain) return;
    this.asksAgain = true;
    this.parts.clock.after(UNSURE_MS, () => this.mailbox.tellFirst({ type: 'ask_again' }));
  }

  private askAgain(): void {
    this.asksAgain = false;
    if (!this.isCurrent) {
      if (this.phase === 'unsure' || this.owesList) this.askLater();
      return;
    }
    if (this.owesList) this.core.apply(memberList(this.core.state, this.core.context()));
    this.owesList = false;
    if (this.phase !== 'unsure') return;
    this.sureSince = this.parts.clock.elapsed();
    this.enter('open');
  }

  /* ----------------------------------------------------------- Commands */

  private command(delivery: Delivery): void {
    this.used = this.parts.clock.elapsed();
    if (!this.isCurrent) {
      this.waitUntilSure(delivery);
      return;
    }
    if (delivery.mustWait) {
      delivery.retry('a command before it is tried again');
      return;
    }
    const { command } = delivery;
    switch (command.type) {
      case 'post':
        if (!this.isAnswered(delivery, command)) this.decide(delivery, command);
        return;
      case 'open':
      case 'close':
      case 'kick':
        if (!this.isAnswered(delivery, command)) this.change(delivery, command);
        return;
      case 'join':
        this.join(delivery, command);
        return;
      case 'leave':
        this.attendance.left(command.connection_id);
        this.decide(delivery, command);
        return;
      case 'assert':
        this.assert(delivery, command);
        return;
      default:
        this.decide(delivery, command);
    }
  }

  /** Whether a command needs no decision now: it is a repeat, or the store has to be asked first. */
  private isAnswered(delivery: Delivery, command: PostCommand | ChangeCommand): boolean {
    const repeat = this.repeats.of(command);
    if (repeat === 'new') return false;
    if (repeat === 'unknown') {
      this.waitIn('looking_up', delivery);
      this.lookUp();
    } else if (repeat === 'elsewhere') {
      delivery.retry('its id is being used in another room');
    } else if (this.isBehind(repeat)) {
      this.storeIsAhead(delivery);
    } else if (delivery.redelivered && this.isUndone(command, repeat)) {
      // Its id is taken by the event of the first time.
      const { id: _, ...anew } = command;
      this.change(delivery, anew);
    } else {
      const answer = firstAnswer(command, repeat, this.core.state, this.core.context());
      if (delivery.redelivered && answer.type !== 'refused') this.core.repeat(repeat);
      this.core.answer(delivery, answer);
    }
    return true;
  }

  /** Decides a command that changes the room, perhaps not for the first time. */
  private change(delivery: Delivery, command: ChangeCommand): void {
    const { head_seq } = this.core.state;
    const isDecided = this.decide(delivery, command);
    const hasChanged = isDecided && this.core.state.head_seq > head_seq;
    if (hasChanged && delivery.redelivered && command.type !== 'kick') this.redone = head_seq + 1;
  }

  /**
   * An `open` or `close` that is delivered again, and changed nothing the first time, is not known by an event, and may
   * change something now. Then what came behind it is done again as well, so that the last one of them holds.
   */
  private isUndone(command: PostCommand | ChangeCommand, first: DurableEvent): command is ChangeCommand {
    const isSetting = command.type === 'open' || command.type === 'close';
    return isSetting && first.room_id === this.roomId && first.seq < this.redone;
  }

  private lookUp(): void {
    const lookup = ++this.asked;
    const commands = this.mailbox.peek(LIMITS.batch).flatMap((message) => {
      if (!('command' in message)) return [];
      const { command } = message;
      return command.type === 'post' || isChange(command) ? [command] : [];
    });
    this.repeats.lookUp(commands, this.parts.store).then(
      () => this.mailbox.tellFirst({ type: 'looked_up', lookup }),
      (cause: unknown) => this.mailbox.tellFirst({ type: 'not_looked_up', lookup, cause }),
    );
  }

  private notLookedUp(cause: unknown): void {
    const fields = { room_id: this.roomId, cause: errorText(cause) };
    this.parts.log.error(fields, 'room: the store did not answer');
    this.giveBack('the store did not answer');
    this.enter('open');
  }

  /** Whether the store has more of this room than the room knows. */
  private isBehind(first: DurableEvent): boolean {
    return first.room_id === this.roomId && first.seq > this.core.state.head_seq;
  }

  /**
   * The store has an event of this room that the room does not know: a commit that was not answered in time
   * has come true after all, and nobody was told. The room is rebuilt and calls the roll, so audiences find
   * the gap and read it.
   */
  private storeIsAhead(delivery: Delivery): void {
    this.mailbox.putBack([delivery]);
    this.rebuildFromStore();
  }

  private rebuildFromStore(): void {
    this.parts.log.warn({ room_id: this.roomId }, 'room: the store is ahead; rebuilt from it');
    this.core.flush();
    this.begin();
  }

  /** False: it waits for the end of the roll call. */
  private decide(delivery: Delivery, command: Command): boolean {
    if (this.core.decide(delivery, command)) return true;
    this.waitIn('waiting', delivery);
    return false;
  }

  private join(delivery: Delivery, command: JoinCommand): void {
    const isDecided = this.decide(delivery, command);
    if (isDecided && delivery.redelivered && this.parts.lives(command.node_id))
      this.attendance.joinedLate(command);
  }

  /** A node's list may come in several commands. It is decided when the last of them is here. */
  private assert(delivery: Delivery, command: AssertCommand): void {
    if (delivery.redelivered) {
      // Connections may have come and gone since: the node is asked for a new list.
      const message = 'the list of connections may be out of date; send it anew';
      delivery.settle(notDelivered('no', { code: 'unavailable', message }));
      return;
    }
    const whole = this.attendance.gather(command);
    if (whole === 'broken') {
      const message = 'the list of connections has lost its beginning; send it anew';
      delivery.settle(notDelivered('no', { code: 'unavailable', message }));
    } else if (whole === 'more follows') delivery.settle({ type: 'asserted', lost: [] });
    else this.decide(delivery, whole);
  }

  /** A node has answered the roll call or is gone. */
  private hear(message: Extract<RoomMessage, { type: 'present' | 'checked' | 'node_gone' }>): void {
    const { attendance } = this;
    this.learn((state, ctx) => {
      switch (message.type) {
        case 'present':
          return attendance.nodeAnswered(message.word, state, ctx);
        case 'checked':
          return attendance.checked(message.word, ctx);
        case 'node_gone':
          return attendance.nodeGone(message.nodeId, state, ctx);
      }
    });
  }

  /** Applies facts about members. If that completes the roll call, commands that waited for it go on. */
  private learn(facts: (state: RoomState, ctx: Context) => readonly Fact[]): void {
    const { core, attendance } = this;
    core.apply(facts(core.state, core.context()));
    if (!attendance.isComplete) return;
    core.apply(attendance.complete(core.state, core.context()));
    if (this.session.mayFollowAnother && closesWhenEmpty(core.state)) this.readAgainLater(attendance.callId);
    if (this.phase === 'waiting') this.enter('open');
  }

  /**
   * The home before this one may have closed the room because it was empty, and that was stored after this home had read
   * the record. Joins store nothing, so nothing else would tell, and whoever has joined since would sit in a closed room.
   */
  private readAgainLater(after: string): void {
    this.parts.clock.after(READ_AGAIN_MS, () => this.mailbox.tellFirst({ type: 'read_again', after }));
  }

  private readAgain(after: string): void {
    if (this.attendance.callId !== after) return;
    this.parts.store.load(this.roomId).then(
      (record) => this.mailbox.tellFirst({ type: 'was_read_again', after, head_seq: record?.head_seq ?? 0 }),
      () => this.readAgainLater(after),
    );
  }

  private wasReadAgain({ after, head_seq }: Extract<RoomMessage, { type: 'was_read_again' }>): void {
    if (this.attendance.callId !== after || head_seq <= this.core.state.head_seq) return;
    if (this.phase !== 'open') this.readAgainLater(after);
    else this.rebuildFromStore();
  }

  /* --------------------------------------------------------------- Time */

  private tick(): void {
    const { clock } = this.parts;
    if (!this.isCurrent) return;
    this.attendance.repeat();
    if (this.phase === 'draining' || this.phase === 'loading') return;
    // What waited while the node was unsure may keep a seat whose time is over, so it is dealt with first.
    if (this.phase === 'unsure' || clock.elapsed() < this.sureSince + UNSURE_MS) return;
    this.core.apply(expire(this.core.state, this.core.context()));
    this.core.flush();
    if (this.isIdle && clock.elapsed() >= this.used + this.idleMs()) this.supervisor.idle();
  }

  /** Waits for whichever comes first: a seat to be freed, the roll call to be repeated, or being idle. */
  private arm(): void {
    if (this.phase === 'stopped') return;
    const next = Math.min(
      nextExpiry(this.core.state) ?? Infinity,
      this.attendance.nextRepeat,
      this.mayHaveMembers || !this.core.isDrained ? Infinity : this.used + this.idleMs(),
    );
    const least = this.isCurrent ? 0 : this.parts.clock.elapsed() + UNSURE_MS;
    this.alarm.by(Math.max(next, least));
  }

  /** A room that was never opened, only asked about, is not kept in memory. */
  private idleMs(): number {
    const { state } = this.core;
    return state.status === 'absent' ? 0 : policyOf(state).idle_ms;
  }
}
