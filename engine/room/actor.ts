import { errorText } from '../errors.js';
import type { Outcome } from '../journal.js';
import { Mailbox, type Behaviour } from '../mailbox.js';
import { refused } from '../messages/answers.js';
import type { Delivery, RoomRecord, Session } from '../ports.js';
import type { Scheduler } from '../scheduler.js';
import { Alarm } from './alarm.js';
import { Attendance } from './attendance.js';
import { carryOut, type CommandParts, type Wait } from './carry-out.js';
import { RoomCore } from './core.js';
import type { Context } from './decision.js';
import { Doubt, UNSURE_MS } from './doubt.js';
import type { RoomMessage } from './message.js';
import type { OutboxOwner } from './outbox.js';
import type { RoomParts } from './parts.js';
import { Repeats } from './repeats.js';
import { closesWhenEmpty } from './rules.js';
import { expire, nextExpiry } from './seating.js';
import { idleMs, type Fact, type RoomState } from './state.js';
import { askForRecord, askForRepeats, readAgain, readAgainLater } from './store-questions.js';
import type { RoomSupervisor, WakeUp } from './supervisor.js';

/**
 * Batch: large enough that a busy room shares commits and writes; small enough that other rooms do not wait
 * for it.
 */
const LIMITS = { limit: 20_000, batch: 64 };

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
 * The thin actor around a room's pure core: says in which phase the room is, so when commands may be carried
 * out, and how it begins, begins again after a fault, and ends.
 */
export class RoomActor implements Behaviour<RoomMessage>, OutboxOwner, CommandParts {
  readonly mailbox: Mailbox<RoomMessage>;
  private phase: Phase = 'loading';
  readonly core: RoomCore;
  readonly repeats: Repeats;
  readonly attendance: Attendance;
  /** Whether loading is followed by a roll call. */
  private callsRoll: boolean;
  /** The session in which the room was woken. */
  readonly session: Session;
  /**
   * Number of the last question to the store, so that a late answer to an earlier one is not taken for its
   * answer.
   */
  private asked = 0;
  private used: number;
  private readonly alarm: Alarm;
  /** Null until the node is unsure for the first time: few rooms ever have one. */
  private doubts: Doubt | null = null;

  constructor(
    readonly roomId: string,
    scheduler: Scheduler,
    readonly parts: RoomParts,
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
    if (!this.core.isQuiet || this.mailbox.depth > 0) return false;
    return this.core.pacedUntil <= this.parts.clock.elapsed();
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
        if (this.awaits('loading', message.load)) this.loaded(message.record, message.latest);
        return;
      case 'not_loaded':
        if (this.awaits('loading', message.load))
          this.supervisor.ended(`could not be loaded: ${errorText(message.cause)}`);
        return;
      case 'looked_up':
        if (this.awaits('looking_up', message.lookup)) this.enter('open');
        return;
      case 'not_looked_up':
        if (this.awaits('looking_up', message.lookup)) this.notLookedUp(message.cause);
        return;
      case 'read_again':
        if (this.attendance.callId === message.after) readAgain(this, message.after);
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
        if (this.isCurrent) this.learn((state, ctx) => this.attendance.heard(message, state, ctx));
        else this.doubt.tellLater(message);
        return;
      case 'ask_again':
        if (this.doubt.check(this.phase === 'unsure') && this.phase === 'unsure') this.enter('open');
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
    this.doubt.withheld();
  }

  private get doubt(): Doubt {
    this.doubts ??= new Doubt(this);
    return this.doubts;
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

  /** Whether this phase waits for the answer to the question to the store with this number. */
  private awaits(phase: 'loading' | 'looking_up', question: number): boolean {
    return this.phase === phase && question === this.asked;
  }

  private load(): void {
    this.enter('loading');
    askForRecord(this, ++this.asked);
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

  /**
   * The store has an event of this room that the room does not know. Once it is rebuilt it calls the roll, so
   * audiences find the gap and read it.
   */
  private rebuildFromStore(): void {
    this.parts.log.warn({ room_id: this.roomId }, 'room: the store is ahead; rebuilt from it');
    this.core.flush();
    this.begin();
  }

  private giveBack(reason: string): void {
    // An outage passes by itself. A fault of this room alone may not.
    const { ready } = this.parts.store.state();
    for (const message of this.mailbox.takeAll()) if ('command' in message) message.retry(reason, !ready);
  }

  /* ----------------------------------------------------------- Commands */

  private command(delivery: Delivery): void {
    this.used = this.parts.clock.elapsed();
    if (!this.isCurrent) {
      // The session may be over and another home may be deciding, so this command waits until that is known.
      this.waitIn('unsure', delivery);
      this.doubt.checkLater();
      return;
    }
    if (delivery.mustWait) {
      delivery.retry('a command before it is tried again');
      return;
    }
    const wait = carryOut(this, delivery);
    if (wait !== null) this.waitFor(wait, delivery);
  }

  private waitFor(wait: Wait, delivery: Delivery): void {
    switch (wait) {
      case 'roll_call':
        this.waitIn('waiting', delivery);
        return;
      case 'look_up':
        this.waitIn('looking_up', delivery);
        this.lookUp();
        return;
      case 'rebuild':
        this.mailbox.putBack([delivery]);
        this.rebuildFromStore();
    }
  }

  /** One question for the command that waits and for those behind it. */
  private lookUp(): void {
    const next = this.mailbox.peek(LIMITS.batch);
    const commands = next.flatMap((message) => ('command' in message ? [message.command] : []));
    askForRepeats(this, commands, ++this.asked);
  }

  private notLookedUp(cause: unknown): void {
    const fields = { room_id: this.roomId, cause: errorText(cause) };
    this.parts.log.error(fields, 'room: the store did not answer');
    this.giveBack('the store did not answer');
    this.enter('open');
  }

  /* ------------------------------------------------------------ Members */

  /** Applies facts about members. If that completes the roll call, commands that waited for it go on. */
  private learn(facts: (state: RoomState, ctx: Context) => readonly Fact[]): void {
    const { core, attendance } = this;
    core.apply(facts(core.state, core.context()));
    if (!attendance.isComplete) return;
    core.apply(attendance.complete(core.state, core.context()));
    if (this.session.mayFollowAnother && closesWhenEmpty(core.state)) readAgainLater(this, attendance.callId);
    if (this.phase === 'waiting') this.enter('open');
  }

  private wasReadAgain({ after, head_seq }: Extract<RoomMessage, { type: 'was_read_again' }>): void {
    if (this.attendance.callId !== after || head_seq <= this.core.state.head_seq) return;
    if (this.phase !== 'open') readAgainLater(this, after);
    else this.rebuildFromStore();
  }

  /* --------------------------------------------------------------- Time */

  private tick(): void {
    const { clock } = this.parts;
    if (!this.isCurrent) return;
    this.attendance.repeat();
    if (this.phase === 'draining' || this.phase === 'loading') return;
    // What waited while the node was unsure may keep a seat whose time is over, so it is dealt with first.
    if (this.phase === 'unsure' || this.doubts?.hasJustEnded) return;
    this.core.apply(expire(this.core.state, this.core.context()));
    this.core.flush();
    if (this.isIdle && clock.elapsed() >= this.used + idleMs(this.core.state)) this.supervisor.idle();
  }

  /** Waits for whichever comes first: a seat to be freed, the roll call to be repeated, or being idle. */
  private arm(): void {
    if (this.phase === 'stopped') return;
    const next = Math.min(
      nextExpiry(this.core.state) ?? Infinity,
      this.attendance.nextRepeat,
      this.mayHaveMembers || !this.core.isDrained
        ? Infinity
        : Math.max(this.used + idleMs(this.core.state), this.core.pacedUntil),
    );
    const least = this.isCurrent ? 0 : this.parts.clock.elapsed() + UNSURE_MS;
    this.alarm.by(Math.max(next, least));
  }
}
