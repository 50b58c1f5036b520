import { announce, announcePresence, endConnections, endsMemberships, sendEphemeral } from './announce.js';
import { firstSeqFor, type AudienceMessage, type Purpose } from './audience-message.js';
import { eventFrame } from './codec.js';
import { Entrance, type Hall } from './entrance.js';
import { errorText, type Refusal } from './errors.js';
import { Fanout } from './fanout.js';
import type { JoinQueue } from './join-queue.js';
import type { Listener } from './listener.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import { MissedEvents, type Reading } from './missed-events.js';
import type { Answer, Joined } from './messages/answers.js';
import { isDurable, type DurableEvent } from './messages/events.js';
import type { LocalMembers, RollCall } from './messages/words.js';
import type { Broker, Clock, Log, Meter, Outlet, Store } from './ports.js';
import { Roster } from './roster.js';
import type { Scheduler } from './scheduler.js';
import { SeatKeeper, type Entrant, type SeatAnswer } from './seat-keeper.js';
import { sayChecked, sayPresent } from './say-present.js';
import { Timeline } from './timeline.js';

export interface AudienceParts {
  readonly nodeId: string;
  readonly store: Store;
  readonly broker: Broker;
  readonly joins: JoinQueue;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** With more missed events than this a client has to read them over HTTP. */
  readonly recoveryLimit: number;
  readonly presenceLimit: number;
  /** The seats of this room have to be asserted later, with pauses while that fails. */
  readonly assertLater: (roomId: string) => void;
  /** As `assertLater`, and an assertion that is under way does not count: its answer may have been lost. */
  readonly assertAnew: (roomId: string) => void;
  /** Hands a room's answer to its audience, behind the events that the room published before it. */
  readonly onSeatAnswer: (roomId: string, answer: SeatAnswer) => void;
}

const LIMITS = { limit: 100_000 };
/** A gap that could not be repaired, because the store is away, is tried again after this many ms. */
const RETRY_MS = 1_000;

/**
 * The connections to one room on one node. Sends them the room's events, in order and without a gap, and is
 * the one owner of their seats.
 */
export class AudienceActor implements Behaviour<AudienceMessage>, Hall {
  readonly mailbox: Mailbox<AudienceMessage>;
  /** Connections with a seat, including those that are still being sent what they missed. */
  readonly listeners = new Map<string, Listener>();
  readonly live: Fanout;
  readonly timeline = new Timeline();
  readonly roster: Roster;
  private readonly seats: SeatKeeper;
  /** Null until the first gap: few audiences ever have one. */
  private gaps: MissedEvents<Purpose> | null = null;
  /** Frames sent in this turn. */
  private sent = 0;
  /** Syncs that have not ended; null while there is none. */
  private syncing: Set<(ok: boolean) => void> | null = null;
  /** The last roll call that was answered without a message. */
  private answeredCall: string | null = null;

  constructor(
    readonly roomId: string,
    scheduler: Scheduler,
    private readonly parts: AudienceParts,
    /** Called when no connection has a seat or asks for one any more. */
    private readonly emptied: () => void,
  ) {
    this.mailbox = new Mailbox<AudienceMessage>(scheduler, LIMITS, this);
    this.live = new Fanout(roomId, parts);
    this.roster = new Roster(parts.presenceLimit);
    this.seats = new SeatKeeper(roomId, parts, this.listeners);
  }

  /** Made for each use: it has no state, and most audiences let nobody in most of the time. */
  private get entrance(): Entrance {
    return new Entrance(this.roomId, this.parts, this);
  }

  private get missed(): MissedEvents<Purpose> {
    this.gaps ??= new MissedEvents(this.roomId, this.parts, this.timeline, this.mailbox);
    return this.gaps;
  }

  /** The node that is the room's home, as far as this audience knows. */
  get home(): string | null {
    return this.seats.home;
  }

  receive(message: AudienceMessage): void {
    switch (message.type) {
      case 'enter':
        this.enter(message.entrant);
        return;
      case 'remove':
        this.remove(message.id);
        return;
      case 'join_answered':
        this.joinAnswered(message.id, message.answer);
        return;
      case 'asserted':
        for (const id of message.lost) this.endLost(id, message.because);
        return;
      case 'catch_up':
      case 'since_checked':
      case 'page_read':
      case 'page_not_read':
        this.entrance.receive(message);
        return;
      case 'roll_call':
        this.rollCalled(message);
        return;
      case 'check':
        sayChecked(this.parts, message, (id) => this.seats.answerCheck(id));
        return;
      case 'sync':
        this.sync(message.done);
        return;
      case 'read':
        this.wasRead(message);
        return;
      case 'not_read':
        this.notRead(this.missed.failed(message));
        return;
      default:
        if (isDurable(message)) this.deliver(message);
        else if (message.type === 'typing') this.sent += sendEphemeral(this, eventFrame(message));
        else if (this.roster.apply(message)) this.sent += announcePresence(this, message);
    }
  }

  turnEnded(): void {
    if (this.sent > 0) this.parts.meter.delivered(this.sent);
    this.sent = 0;
  }

  /**
   * After a crash an audience keeps its connections and its cursor: a missing event is repaired from the
   * store.
   */
  crashed(cause: unknown): void {
    this.parts.meter.crashed('audience');
    this.parts.log.error({ room_id: this.roomId, cause: errorText(cause) }, 'audience: a crash; it goes on');
  }

  /** Ends it: nobody is here any more. */
  stop(): void {
    for (const message of this.mailbox.stop()) if (message.type === 'sync') message.done(false);
    for (const done of [...(this.syncing ?? [])]) done(false);
  }

  /** Events may have been missed. `mayBeGone`: this node may have been taken for gone, and its seats given away. */
  mayHaveMissed(mayBeGone: boolean): void {
    this.roster.missed();
    if (mayBeGone) this.seats.doubt();
  }

  /** Answers a roll call at once, without a message; null while events up to `headSeq` have not arrived. */
  callHere(callId: string, headSeq: number): LocalMembers | null {
    if (this.lacks(headSeq)) return null;
    this.answeredCall = callId;
    return this.membersHere(callId, this.parts.nodeId);
  }

  private membersHere(callId: string, home: string): LocalMembers {
    const { members, version } = this.roster;
    return {
      present: this.seats.rollCalled(callId, home),
      believed: members ?? [],
      members_version: version,
    };
  }

  /**
   * Queues an answer behind the events before it. If the mailbox is full, it goes first, rather than be lost.
   */
  hearAnswer(answer: SeatAnswer): void {
    if (!this.mailbox.tell(answer)) this.mailbox.tellFirst(answer);
  }

  /**
   * Queues a roll call behind the events before it. It goes first while the store fails, because others wait
   * for it.
   */
  hearRollCall(call: RollCall): void {
    if (this.gaps?.fails) this.mailbox.tellFirst(call);
    else this.mailbox.tell(call);
  }

  private lacks(headSeq: number): boolean {
    const { cursor } = this.timeline;
    return cursor !== null && cursor < headSeq;
  }

  /* -------------------------------------------------------------- Seats */

  private enter(entrant: Entrant): void {
    const { listener } = entrant;
    if (listener.isEnded) return;
    this.seats.ask(entrant);
  }

  private joinAnswered(id: string, answer: Answer): void {
    const entrant = this.seats.asker(id);
    // The join was carried out a second time, so the seat is in grace until it is asserted.
    if (!entrant && answer.type === 'joined' && answer.unsure && this.listeners.has(id))
      this.parts.assertLater(this.roomId);
    // If the connection has ended, its removal is on the way and gives the seat back.
    if (!entrant || entrant.listener.isEnded) return;
    if (answer.type === 'joined') {
      if (this.seats.holds(id, answer)) this.joined(entrant, answer);
      return;
    }
    const isRefused = answer.type === 'refused';
    this.seats.refused(id, !isRefused || answer.reached === 'perhaps');
    if (isRefused) entrant.listener.end(answer.code, answer.message);
    else entrant.listener.end('unavailable', 'the room did not answer in time; come back in a moment');
  }

  private joined(entrant: Entrant, answer: Joined): void {
    const { room } = answer;
    const { id } = entrant.listener;
    if (this.lacks(room.head_seq)) {
      // The answer to the join overtook events that are on their way.
      this.repair({ type: 'join_answered', id, answer });
      return;
    }
    if (this.timeline.cursor === null) this.begin(room.head_seq);
    if (this.listeners.size === 0) this.roster.begin(answer);
    const news = this.roster.learn(answer, entrant.listener.user);
    if (news) this.sent += announcePresence(this, news);
    this.seats.admitted(id);
    this.entrance.admit({ entrant, room, membersVersion: answer.members_version });
  }

  /**
   * The room's place is known. What came before it was, and is behind it, is sent to whoever is let in as
   * missed.
   */
  private begin(headSeq: number): void {
    const early = this.timeline.begin(headSeq);
    const gap = early.findIndex((event, i) => event.seq !== headSeq + 1 + i);
    for (const event of gap < 0 ? early : early.slice(0, gap)) this.deliver(event);
    if (gap >= 0) this.mailbox.putBack(early.slice(gap));
  }

  private remove(id: string): void {
    const listener = this.listeners.get(id);
    this.seats.release(id);
    if (listener) this.live.remove(listener);
    this.listeners.delete(id);
    if (this.seats.isEmpty) this.emptied();
  }

  private endLost(id: string, because: Refusal | null): void {
    const { code, message } = because ?? { code: 'room_full' as const, message: '' };
    const text = code === 'room_full' ? 'your seat went to somebody else' : message;
    this.listeners.get(id)?.end(code, text);
  }

  private rollCalled(call: RollCall): void {
    if (call.call_id === this.answeredCall) return;
    if (this.lacks(call.head_seq) && !this.gaps?.fails) {
      this.repair(call);
      return;
    }
    sayPresent(this.parts, call, this.membersHere(call.call_id, call.node_id));
  }

  /**
   * Reads what may have been missed, then asserts all seats. So a user who was kicked meanwhile is out before
   * that.
   */
  private sync(whenDone: (ok: boolean) => void): void {
    const done = (ok: boolean): void => {
      this.syncing?.delete(done);
      if (this.syncing?.size === 0) this.syncing = null;
      whenDone(ok);
    };
    this.syncing ??= new Set();
    this.syncing.add(done);
    if (this.timeline.cursor === null) this.seats.assert(done);
    else this.missed.read({ done });
  }

  /* ------------------------------------------------------------- Events */

  private deliver(event: DurableEvent): void {
    switch (this.timeline.placeOf(event)) {
      case 'old':
        return;
      case 'unknown':
        this.timeline.keepEarly(event);
        if (endsMemberships(event)) this.roster.apply(event);
        return;
      case 'behind a gap':
        this.repair(event);
        return;
      case 'next':
        this.timeline.add(event);
        this.sent += announce(this, event);
        if (endsMemberships(event)) endConnections(this, event);
    }
  }

  /** Reads the events before `message` from the store, then deals with it. All other messages wait. */
  private repair(message: AudienceMessage): void {
    this.mailbox.pause();
    this.missed.read({ message });
  }

  private wasRead(reading: Extract<Reading<Purpose>, { type: 'read' }>): void {
    const { purpose, events } = reading;
    this.missed.arrived(reading, 'message' in purpose ? firstSeqFor(purpose.message) : null);
    if ('message' in purpose) {
      this.mailbox.putBack([...events, purpose.message]);
      this.mailbox.resume();
      return;
    }
    for (const event of events) this.deliver(event);
    if (this.missed.mayBeMore(reading)) this.missed.read(purpose);
    else this.seats.assert(purpose.done);
  }

  /**
   * The store is away. Seats are asserted and a roll call is answered all the same, because others wait for
   * them.
   */
  private notRead(purpose: Purpose): void {
    if ('done' in purpose) {
      this.seats.assert(() => purpose.done(false));
      return;
    }
    const { message } = purpose;
    if (message.type === 'roll_call') this.rollCalled(message);
    else this.mailbox.putBack([message]);
    this.parts.clock.after(RETRY_MS, () => this.mailbox.resume());
  }
}
