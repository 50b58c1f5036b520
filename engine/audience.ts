import { beginCatchUp, endingOf, sendMissed, type CatchUp } from './catch-up.js';
import { errorText } from './errors.js';
import type { Listener } from './listener.js';
import { eventFrame, isQuiet, welcomeFrame } from './codec.js';
import { Comings } from './comings.js';
import type { Dispatcher } from './dispatcher.js';
import { behindBytes, Fanout, SPARED } from './fanout.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import type { RoomView } from './messages/answers.js';
import { isDurable, type DurableEvent, type RoomEvent } from './messages/events.js';
import type { Broker, Clock, Log, Meter, Outlet, Store } from './ports.js';
import { Roll } from './roll.js';

export interface AudienceParts {
  readonly nodeId: string;
  readonly store: Store;
  readonly broker: Broker;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** With more missed events than this a client has to read them over HTTP. */
  readonly recoveryLimit: number;
  readonly presenceLimit: number;
}

/** A connection that has its seat; `stored`: whether the store has what it missed, once that was asked. */
interface Admission {
  readonly type: 'admit';
  readonly listener: Listener;
  readonly room: RoomView;
  readonly since: number | null;
  readonly stored?: boolean;
}

/** `expect`: a connection is about to ask for a seat, so it has to learn who comes and goes from now on. */
export type AudienceMessage =
  | RoomEvent
  | { readonly type: 'expect'; readonly id: string }
  | Admission
  | CatchUp
  | { readonly type: 'remove'; readonly id: string };

const LIMITS = { limit: 100_000 };
/** Events kept to close the seam between a join and the live stream without asking the store. */
const RECENT = 64;
const PAGE = 200;
const RETRY_MS = 1_000;

/** The connections to one room on one node: fans its events out, in order and without a gap, and nothing else. */
export class AudienceActor implements Behaviour<AudienceMessage> {
  readonly mailbox: Mailbox<AudienceMessage>;
  /** Those who have their seat, also while they are sent what they missed. */
  private readonly listeners = new Map<string, Listener>();
  private readonly live: Fanout;
  /** seq of the last event sent out; null until the first join or event says where the room stands. */
  private cursor: number | null = null;
  /** The last events up to the cursor, without a gap. */
  private recent: DurableEvent[] = [];
  private readonly comings = new Comings();
  private sent = 0;
  private readonly roll: Roll;

  constructor(
    readonly roomId: string,
    dispatcher: Dispatcher,
    private readonly parts: AudienceParts,
  ) {
    this.live = new Fanout(roomId, parts);
    this.roll = new Roll(roomId, parts, this.listeners, () => this.mailbox.isStopped);
    this.mailbox = new Mailbox<AudienceMessage>(dispatcher, LIMITS, this);
  }

  receive(message: AudienceMessage): void {
    switch (message.type) {
      case 'expect':
        this.comings.expect(message.id);
        return;
      case 'admit':
        // Asked about the store, it may have gone meanwhile.
        if (message.stored === undefined || this.listeners.has(message.listener.id)) this.admit(message);
        return;
      case 'catch_up':
        if (this.listeners.has(message.listener.id)) this.catchUp(message);
        return;
      case 'remove':
        this.remove(message.id);
        this.comings.arrived(message.id);
        return;
      default:
        if (isDurable(message)) this.deliver(message);
        else this.tellPresent(message);
    }
  }

  turnEnded(): void {
    if (this.sent > 0) this.parts.meter.delivered(this.sent);
    this.sent = 0;
  }

  /** An audience keeps its connections and its place: the next event is delivered, or repaired from the store. */
  crashed(cause: unknown): 'resume' {
    this.parts.meter.crashed('audience');
    this.parts.log.error({ room_id: this.roomId, cause: errorText(cause) }, 'audience: a crash; it goes on');
    return 'resume';
  }

  private deliver(event: DurableEvent): void {
    if (this.cursor !== null && event.seq <= this.cursor) return;
    if (this.cursor !== null && event.seq > this.cursor + 1) {
      this.repair(event, this.cursor);
      return;
    }
    this.cursor = event.seq;
    if (event.type === 'room_closed' && event.purged) this.recent = [];
    const frame = eventFrame(event);
    if (frame === null) return;
    this.recent.push(event);
    if (this.recent.length > RECENT * 2) this.recent = this.recent.slice(-RECENT);
    if (!isQuiet(event)) {
      this.sent += this.listeners.size;
      this.live.send(frame);
    }
    if (event.type === 'member_kicked') this.comings.forget(event.user);
    if (event.type === 'room_closed' || event.type === 'member_kicked') {
      for (const listener of [...this.listeners.values()]) {
        const ending = endingOf(event, listener);
        if (ending) listener.end(ending.code, ending.message);
      }
    }
  }

  private tellPresent(event: RoomEvent): void {
    if (event.type === 'roll_call') {
      if (this.cursor !== null && event.head_seq > this.cursor) {
        this.repair(event, this.cursor);
        return;
      }
      this.roll.called();
      return;
    }
    // In a large room everybody would be told of everybody: the frames grow with the square of its members.
    const counted = event.type === 'member_joined' || event.type === 'member_left';
    if (counted && event.member_count > this.parts.presenceLimit) return;
    const frame = eventFrame(event);
    if (frame === null) return;
    const missed = this.live.sendEphemeral(frame, this.listeners.values());
    this.sent += this.listeners.size - missed;
    if (counted) this.comings.add(event.user, frame);
  }

  private remove(id: string): void {
    const listener = this.listeners.get(id);
    if (listener) this.live.remove(listener);
    this.listeners.delete(id);
  }

  private admit(message: Admission): void {
    const { listener, room, since } = message;
    this.cursor ??= room.head_seq;
    if (this.cursor < room.head_seq) {
      // The join overtook events that are on their way.
      this.repair(message, this.cursor);
      return;
    }
    const near =
      since !== null && since <= room.head_seq && room.head_seq - since <= this.parts.recoveryLimit;
    if (near && message.stored === undefined && this.mayBeForgotten(since, room)) {
      this.askIfStored(message, since);
      return;
    }
    const follows = near && message.stored !== false;
    const recovered = since === null ? undefined : follows;
    this.listeners.set(listener.id, listener);
    this.roll.arrived(listener);
    const welcome = welcomeFrame(listener.id, listener.user, room, recovered);
    this.catchUp(beginCatchUp(listener, follows ? since : room.head_seq, room.head_seq, welcome));
  }

  /** Whether the store has to be asked if it still has what came after `since`. */
  private mayBeForgotten(since: number, room: RoomView): boolean {
    if (since === room.head_seq) return false;
    return room.policy.retention !== null || (this.cursor ?? since) - since > this.recent.length;
  }

  /** What a client missed may have been purged: then it must not be told that it follows. */
  private askIfStored(message: Admission, since: number): void {
    const { listener } = message;
    this.listeners.set(listener.id, listener);
    this.parts.store.history({ room_id: this.roomId, after: since, limit: 1, messages_only: false }).then(
      ([first]) => {
        if (!this.mailbox.tell({ ...message, stored: first?.seq === since + 1 })) this.giveUp(listener);
      },
      (cause: unknown) => this.unreadable(listener, cause),
    );
  }

  /**
   * Sends what comes next of what a listener missed. When that is the last of it, lets the listener hear the room live, in
   * one step and so without a seam; else goes on when the client has read, so that its buffer holds, whatever it missed.
   */
  private catchUp(step: CatchUp): void {
    const { listener, from } = step;
    const missing = (this.cursor ?? from) - from;
    if (missing > this.recent.length) {
      this.readMissed(step);
      return;
    }
    const comings = this.comings.since(listener.id, listener.user);
    const sent = sendMissed(step, missing > 0 ? this.recent.slice(-missing) : [], this.most, comings);
    if (sent === null) return;
    if (sent.next.from < from + missing) {
      this.goOn(sent.next);
      return;
    }
    // Who came and who went can be done without, where nothing more should wait.
    if (!sent.complete) this.parts.meter.dropped(SPARED, comings.length);
    this.comings.arrived(listener.id);
    this.live.add(listener);
    listener.admitted();
  }

  private readMissed(step: CatchUp): void {
    const { listener, from, page: limit } = step;
    this.parts.store.history({ room_id: this.roomId, after: from, limit, messages_only: false }).then(
      (events) => {
        const cursor = this.cursor ?? from;
        if (events[0]?.seq !== from + 1) {
          this.giveUp(listener);
          return;
        }
        // The store may be ahead of the live stream, and what that still brings must not come twice.
        const missed = events.filter(({ seq }) => seq <= cursor);
        const sent = sendMissed(step, missed, this.most);
        if (sent !== null) this.goOn(sent.next);
      },
      (cause: unknown) => this.unreadable(listener, cause),
    );
  }

  private goOn(step: CatchUp): void {
    step.listener.whenRead(this.most / 2, () => {
      if (!this.mailbox.tell(step)) this.giveUp(step.listener);
    });
  }

  /** How much of what a listener missed may wait for it. */
  private get most(): number {
    return behindBytes(this.parts.outlet);
  }

  private unreadable(listener: Listener, cause: unknown): void {
    const fields = { room_id: this.roomId, cause: errorText(cause) };
    this.parts.log.error(fields, 'audience: history could not be read');
    this.giveUp(listener);
  }

  private giveUp(listener: Listener): void {
    listener.end('unavailable', 'what you missed could not be read; come back with the same since');
  }

  /** Reads the events between the cursor and `message` from the store, then goes on with it. Everything else waits. */
  private repair(message: AudienceMessage, cursor: number): void {
    this.mailbox.pause();
    this.parts.store.history({ room_id: this.roomId, after: cursor, limit: PAGE, messages_only: false }).then(
      (events) => {
        const first = events[0]?.seq ?? seqBehind(message);
        if (first > cursor + 1) this.jump(first - 1);
        this.mailbox.putBack([...events, message]);
        this.mailbox.resume();
      },
      (cause: unknown) => {
        this.parts.log.error(
          { room_id: this.roomId, cause: errorText(cause) },
          'audience: a gap could not be repaired yet',
        );
        this.mailbox.putBack([message]);
        this.parts.clock.after(RETRY_MS, () => this.mailbox.resume());
      },
    );
  }

  /** The store has forgotten what is missing (a purge, or the bound of the memory store): go on from where it begins. */
  private jump(to: number): void {
    this.parts.meter.dropped('gap_not_in_store');
    this.parts.log.warn(
      { room_id: this.roomId, from: this.cursor, to },
      'audience: events are no longer in the store',
    );
    this.cursor = to;
    this.recent = [];
  }
}

/** The first seq that a message is ready for. */
function seqBehind(message: AudienceMessage): number {
  if (message.type === 'admit') return message.room.head_seq + 1;
  if (message.type === 'roll_call') return message.head_seq + 1;
  return 'seq' in message ? message.seq : 0;
}
