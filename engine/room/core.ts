import type { Answer } from '../messages/answers.js';
import type { Refusal } from '../errors.js';
import { tooOften, type TooOften } from '../limits/client-limits.js';
import type { Command, JoinCommand, PostCommand } from '../messages/commands.js';
import type { DurableEvent } from '../messages/events.js';
import type { Delivery, RoomRecord } from '../ports.js';
import { decide } from './decide.js';
import { refuse, type Context } from './decision.js';
import { evolve } from './evolve.js';
import { Outbox, type OutboxOwner } from './outbox.js';
import { Pace } from './pace.js';
import type { RoomParts } from './parts.js';
import { policyOf, wake, type Fact, type RoomState } from './state.js';

/** A room's state, with the pure functions that decide on it, between the actor's mailbox and the outbox. */
export class RoomCore {
  state: RoomState;
  private readonly outbox: Outbox;
  /** Made once a turn, for all its decisions; null until the first of them needs it. */
  private ctx: Context | null = null;
  /** The command that is being decided now. A throw while there is one leaves the state whole. */
  private deciding: Command | null = null;
  /** When the room's last event was, ms since 1970: the next is not dated before it, whatever the clock says. */
  private latest = 0;
  /** Null in a room without a limit: most have none. */
  private pace: Pace | null = null;
  /** The command that was answered last in this turn. A throw after that must not answer it a second time. */
  private decided: Delivery | null = null;

  constructor(
    private readonly roomId: string,
    private readonly parts: RoomParts,
    owner: OutboxOwner,
    calling: boolean,
    private readonly attendance: { readonly callId: string },
  ) {
    this.state = this.woken(null, calling, 0);
    this.outbox = new Outbox(roomId, parts, owner);
  }

  /**
   * Begins anew with the store's record. `calling`: a roll call follows, so members are not known yet. `latest`: when its
   * last event was, ms since 1970; the home before this one may have had a clock that is ahead of this one's.
   */
  wake(record: RoomRecord | null, calling: boolean, latest: number): void {
    this.latest = Math.max(this.latest, latest);
    this.ctx = null;
    this.state = this.woken(record, calling, this.state.members_version);
  }

  /**
   * The time in µs is a greater version than an earlier home had, unless clocks differ. In case they do, the end of the
   * roll call raises it above all that audiences have.
   */
  private woken(record: RoomRecord | null, calling: boolean, before: number): RoomState {
    const { presetOf, clock } = this.parts;
    const version = Math.max(clock.now() * 1_000, before);
    return wake(this.roomId, presetOf(this.roomId), record, calling, version);
  }

  /** Users with a seat, as far as clients were told. */
  get members(): readonly string[] {
    return this.outbox.members;
  }

  /** Nothing is staged. */
  get isDrained(): boolean {
    return this.outbox.isDrained;
  }

  /** Nothing is staged, and nothing was decided in this turn. */
  get isQuiet(): boolean {
    return this.outbox.isEmpty;
  }

  /**
   * Decides a command. False: it has to wait for the roll call.
   */
  decide(delivery: Delivery, command: Command): boolean {
    const ctx = this.context();
    this.deciding = command;
    this.parts.fault?.(command);
    const early = this.tooEarly(command, ctx);
    const decision = early ? refuse(this.state, early) : decide(this.state, command, ctx);
    this.deciding = null;
    if (decision.type === 'wait') return false;
    if (decision.facts.length > 0) this.count(command, decision.state, ctx);
    this.outbox.add(decision.facts);
    this.state = decision.state;
    this.answer(delivery, decision.answer);
    this.parts.faultAfter?.(command);
    return true;
  }

  /** Until when somebody has to wait before they may post again; monotonic, ms. */
  get pacedUntil(): number {
    return this.pace?.neededUntil ?? 0;
  }

  /** Why a command comes too early, by the limits of rooms and of users; null: it does not. */
  private tooEarly(command: Command, { elapsed }: Context): Refusal | null {
    if (command.type !== 'post' && command.type !== 'join') return null;
    const fault =
      (this.state.status === 'open' ? null : this.opensTooMany(command, elapsed)) ??
      (command.type === 'post' ? this.postsTooFast(command, elapsed) : null);
    if (fault !== null) this.parts.meter.limited(fault.limit);
    return fault;
  }

  private opensTooMany({ user, unlimited }: PostCommand | JoinCommand, now: number): TooOften | null {
    if (user === null || unlimited === true) return null;
    const ms = this.parts.roomsOfUser.waitOf(user, now);
    return ms > 0 ? tooOften('rooms_opened_per_user', `${user} has opened too many rooms`, ms) : null;
  }

  private postsTooFast({ user }: PostCommand, now: number): TooOften | null {
    const { postsOfRoom } = this.parts;
    const policy = policyOf(this.state);
    if (this.pace === null) {
      if (postsOfRoom.intervalMs === 0 && !policy.post_interval_ms) return null;
      this.pace = new Pace(postsOfRoom);
    }
    return this.pace.fault(user, policy, now);
  }

  /** Counts a command that was carried out. `after`: the state after it. */
  private count(command: Command, after: RoomState, { elapsed }: Context): void {
    if (command.type !== 'post' && command.type !== 'join') return;
    const { user, unlimited } = command;
    const hasOpened = this.state.status !== 'open' && after.status === 'open';
    if (hasOpened && user !== null && unlimited !== true) this.parts.roomsOfUser.take(user, elapsed);
    if (command.type === 'post') this.pace?.posted(user, policyOf(this.state), elapsed);
  }

  /** Answers a command, behind the decisions before it. */
  answer(delivery: Delivery, answer: Answer): void {
    this.outbox.answer(delivery, answer);
    this.decided = delivery;
  }

  /** Publishes a stored event again, because its first publishing may have been lost. */
  repeat(event: DurableEvent): void {
    this.outbox.repeat(event);
  }

  /** Takes in facts that no command has caused: members that were found or have gone, time that is over. */
  apply(facts: readonly Fact[]): void {
    this.outbox.add(facts);
    this.state = facts.reduce(evolve, this.state);
  }

  context(): Context {
    if (this.ctx !== null) return this.ctx;
    const { clock, timestamp, newId, presenceLimit, lives, nodeId } = this.parts;
    this.latest = Math.max(this.latest, clock.now());
    this.ctx = {
      at: timestamp(this.latest),
      elapsed: clock.elapsed(),
      newId,
      presenceLimit,
      lives,
      home: nodeId,
      callId: this.attendance.callId,
    };
    return this.ctx;
  }

  /** The time or the roll call has changed, so the next decision needs a new context. */
  forgetContext(): void {
    this.ctx = null;
  }

  /** Sends out the decisions of this turn so far. */
  flush(): void {
    this.outbox.flush(this.state);
  }

  /** Ends a turn: sends out its decisions. */
  endTurn(): void {
    this.flush();
    this.forgetTurn();
  }

  /** Ends a turn without sending anything out. */
  forgetTurn(): void {
    this.ctx = null;
    this.decided = null;
  }

  /** Decisions that are not stored yet are neither published nor answered any more. */
  abandon(): void {
    this.outbox.abandon();
  }

  /**
   * A turn threw. The decisions before that stand and are sent out. `whole`: the throw was inside a decision,
   * so the state is as it was before it; `answered`: whether this command was answered all the same.
   */
  crashed(delivery: Delivery | null): { readonly whole: boolean; readonly answered: boolean } {
    const told = { whole: this.deciding !== null, answered: this.decided === delivery };
    this.deciding = null;
    this.endTurn();
    return told;
  }
}
