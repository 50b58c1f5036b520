import { beginCatchUp, sendMissed, withoutKicked, type CatchUp } from './catch-up.js';
import { membersFrame, welcomeFrame } from './codec.js';
import { errorText } from './errors.js';
import { behindBytes, SPARED, type Fanout } from './fanout.js';
import type { Listener } from './listener.js';
import type { RoomView } from './messages/answers.js';
import type { DurableEvent } from './messages/events.js';
import type { Log, Meter, Outlet, Store } from './ports.js';
import type { Roster } from './roster.js';
import type { Entrant } from './seat-keeper.js';
import type { Timeline } from './timeline.js';

/** A connection that has its seat and is not welcomed yet. */
interface Newcomer {
  readonly entrant: Entrant;
  /** The room as it stood when the seat was given. */
  readonly room: RoomView;
  /** Of the list of members in `room`. */
  readonly membersVersion: number;
}

/** Answers and moments that letting a connection in waits for; they come back as messages. */
export type EntranceMessage =
  | CatchUp
  /** `stored`: whether the store still has what the client missed; null: the store did not answer. */
  | ({ readonly type: 'since_checked'; readonly stored: boolean | null } & Newcomer)
  | { readonly type: 'page_read'; readonly step: CatchUp; readonly events: readonly DurableEvent[] }
  | { readonly type: 'page_not_read'; readonly listener: Listener };

interface EntranceParts {
  readonly store: Store;
  readonly outlet: Outlet;
  readonly log: Log;
  readonly meter: Meter;
  /** With more missed events than this a client has to read them over HTTP. */
  readonly recoveryLimit: number;
}

/** The parts of an audience that its entrance works with. */
export interface Hall {
  readonly timeline: Timeline;
  readonly roster: Roster;
  readonly live: Fanout;
  /** Connections with a seat, including those that are still being sent what they missed. */
  readonly listeners: Map<string, Listener>;
  /** The audience's own: so messages to it are dealt with in the audience's turns. */
  readonly mailbox: {
    tell(message: EntranceMessage): boolean;
    tellFirst(message: EntranceMessage): void;
  };
}

/**
 * Lets connections in: sends a welcome, then what they missed, as fast as they read it, and then, without a
 * seam, the live stream.
 */
export class Entrance {
  constructor(
    private readonly roomId: string,
    private readonly parts: EntranceParts,
    private readonly hall: Hall,
  ) {}

  /**
   * Welcomes a connection that has its seat. To be called once the audience has the events up to
   * `room.head_seq`.
   */
  admit(newcomer: Newcomer): void {
    const { entrant, room } = newcomer;
    const { listener, since } = entrant;
    this.hall.listeners.set(listener.id, listener);
    if (since !== null && this.isNear(since, room) && this.mayBeForgotten(since, room)) {
      this.checkSince(newcomer, since);
      return;
    }
    this.welcome(newcomer, true);
  }

  receive(message: EntranceMessage): void {
    switch (message.type) {
      case 'catch_up':
        if (this.isHere(message.listener)) this.catchUp(message);
        return;
      case 'since_checked':
        if (this.isHere(message.entrant.listener)) this.sinceChecked(message);
        return;
      case 'page_read':
        if (this.isHere(message.step.listener)) this.sendPage(message.step, message.events);
        return;
      case 'page_not_read':
        this.giveUp(message.listener);
    }
  }

  private isHere({ id }: Listener): boolean {
    return this.hall.listeners.has(id);
  }

  private isNear(since: number, room: RoomView): boolean {
    return since <= room.head_seq && room.head_seq - since <= this.parts.recoveryLimit;
  }

  /** Whether events after `since` may be gone from the store, so that it has to be asked. */
  private mayBeForgotten(since: number, room: RoomView): boolean {
    if (since === room.head_seq) return false;
    const { cursor, recent } = this.hall.timeline;
    return room.policy.retention !== null || (cursor ?? since) - since > recent.length;
  }

  /** If what the client missed was purged, `recovered` must be false. */
  private checkSince(newcomer: Newcomer, since: number): void {
    const { hall, parts, roomId } = this;
    const answer = (stored: boolean | null): void =>
      hall.mailbox.tellFirst({ type: 'since_checked', ...newcomer, stored });
    parts.store.history({ room_id: roomId, after: since, limit: 1, messages_only: false }).then(
      ([first]) => answer(first?.seq === since + 1),
      (cause: unknown) => {
        this.complain(cause);
        answer(null);
      },
    );
  }

  private sinceChecked(newcomer: Extract<EntranceMessage, { type: 'since_checked' }>): void {
    const { stored } = newcomer;
    if (stored === null) this.giveUp(newcomer.entrant.listener);
    else this.welcome(newcomer, stored);
  }

  private welcome({ entrant, room, membersVersion }: Newcomer, stored: boolean): void {
    const { listener, since, resume } = entrant;
    const follows = since !== null && stored && this.isNear(since, room);
    const recovered = since === null ? undefined : follows;
    const welcome = welcomeFrame({ listener, room, recovered, resume });
    const from = follows ? since : room.head_seq;
    const { members, head_seq: joinedAt } = room;
    const step = beginCatchUp({ listener, from, joinedAt, members, membersVersion, before: [welcome] });
    if (!listener.isOneOfMany || from === this.hall.timeline.cursor) {
      this.catchUp(step);
      return;
    }
    // All rooms of the connection are welcomed first.
    listener.send(welcome);
    this.goOn({ ...step, before: [] });
  }

  /**
   * Sends the next of the events that a listener missed. After the last of them the listener hears the room
   * live: in the same step, so no event falls between the two. Until then each step waits until the client
   * has read, so that its buffer never overflows.
   */
  private catchUp(step: CatchUp): void {
    const { timeline, roster, live } = this.hall;
    const { listener, from } = step;
    const missing = (timeline.cursor ?? from) - from;
    if (missing > timeline.recent.length) {
      this.readPage(step);
      return;
    }
    const missed = missing > 0 ? timeline.recent.slice(-missing) : [];
    const told = withoutKicked(step, missed);
    const members = roster.newsFor(told.members, told.membersVersion);
    const news = members === null ? [] : [membersFrame(members)];
    const sent = sendMissed(step, missed, this.most, news);
    if (sent === null) return;
    if (sent.next.from < from + missing) {
      this.goOn(sent.next);
      return;
    }
    // The client's buffer is too full for the list of members, which it can do without.
    if (!sent.complete) this.parts.meter.dropped(SPARED, news.length);
    live.add(listener);
    listener.admitted();
  }

  private readPage(step: CatchUp): void {
    const { hall, parts, roomId } = this;
    const { listener, from: after, page: limit } = step;
    parts.store.history({ room_id: roomId, after, limit, messages_only: false }).then(
      (events) => hall.mailbox.tellFirst({ type: 'page_read', step, events }),
      (cause: unknown) => {
        this.complain(cause);
        hall.mailbox.tellFirst({ type: 'page_not_read', listener });
      },
    );
  }

  private sendPage(step: CatchUp, events: readonly DurableEvent[]): void {
    const { listener, from } = step;
    const cursor = this.hall.timeline.cursor ?? from;
    if (events[0]?.seq !== from + 1) {
      this.giveUp(listener);
      return;
    }
    // The store may be ahead of the live stream, which will bring those events: they must not come twice.
    const missed = events.filter(({ seq }) => seq <= cursor);
    const sent = sendMissed(step, missed, this.most);
    if (sent !== null) this.goOn(sent.next);
  }

  private goOn(step: CatchUp): void {
    step.listener.nextPage(this.most / 2, () => {
      if (!this.hall.mailbox.tell(step)) this.giveUp(step.listener);
    });
  }

  /** How many bytes of missed events may wait in a listener's buffer. */
  private get most(): number {
    return behindBytes(this.parts.outlet);
  }

  private complain(cause: unknown): void {
    const fields = { room_id: this.roomId, cause: errorText(cause) };
    this.parts.log.error(fields, 'audience: history could not be read');
  }

  private giveUp(listener: Listener): void {
    listener.end('unavailable', 'what you missed could not be read; come back with the same since');
  }
}
