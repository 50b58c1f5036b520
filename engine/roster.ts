import type { RoomView } from './messages/answers.js';
import type { RoomEvent } from './messages/events.js';

/** What an event says about the members of a room. */
export type PresenceEvent = Extract<
  RoomEvent,
  { type: 'member_joined' | 'member_left' | 'member_kicked' | 'members' | 'room_closed' }
>;

/** Events kept while the list is not known: more than can come between a join and its answer. */
const KEPT = 256;
const NONE: PresenceEvent[] = [];

/**
 * The members of a room, as the clients of a node were told of them. Not known in a room with more members than are
 * named: there nobody is told who comes and goes.
 */
export class Roster {
  private names: readonly string[] | null = null;
  /** The last events since the list is not known: the next welcome that lists all members may be older than they are. */
  private early = NONE;
  private changes = 0;

  constructor(private readonly limit: number) {}

  /** All members by name, or null where they are not known. */
  get members(): readonly string[] | null {
    return this.names;
  }

  /** Another number after each change. */
  get version(): number {
    return this.changes;
  }

  /**
   * A connection is let in where nobody else is: begins with what its welcome says, and what came since it asked, when
   * the list had this version.
   */
  begin({ members, member_count, head_seq }: RoomView, version: number): void {
    if (this.names !== null && version !== this.changes) return;
    const { early } = this;
    const listed = members.length === member_count ? members.slice() : null;
    this.early = NONE;
    this.names = listed;
    for (const event of early) {
      // Whatever came before the room closed is over. The welcome may be older than that, or newer.
      if (event.type === 'room_closed') this.names = event.seq > head_seq ? [] : listed;
      else this.apply(event);
    }
  }

  /** The room has another home, or was rebuilt: what its last one said before is out of date for a welcome of this one. */
  rollCalled(): void {
    this.early = NONE;
  }

  /** Applies an event. Answers whether the list is another one now. */
  apply(event: PresenceEvent): boolean {
    const before = this.names;
    const names = this.after(event);
    if (names !== null) this.early = NONE;
    else this.early = [...this.early.slice(1 - KEPT), event];
    this.names = names;
    if (names === before) return false;
    this.changes++;
    return true;
  }

  private after(event: PresenceEvent): readonly string[] | null {
    const { names } = this;
    switch (event.type) {
      case 'members':
        return names !== null && haveSameNames(names, event.members) ? names : event.members;
      case 'member_joined':
        if (event.member_count > this.limit) return null;
        return names === null || names.includes(event.user) ? names : names.concat(event.user);
      case 'member_left':
      case 'member_kicked':
        return names?.includes(event.user) ? names.filter((user) => user !== event.user) : names;
      case 'room_closed':
        // Clients keep the list they have, so the next one has to be told.
        return null;
    }
  }

  /**
   * What a connection has to be told that was let in with these members, when the list had this version, and comes into
   * the live stream now: the whole list, or null where it knows it. Its own coming may not have been heard of here yet.
   */
  newsFor(user: string, told: readonly string[], version: number): readonly string[] | null {
    const { names } = this;
    if (names === null || version === this.changes) return null;
    const members = names.includes(user) ? names : names.concat(user);
    return haveSameNames(members, told) ? null : members;
  }
}

function haveSameNames(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  const names = new Set(some);
  return others.every((name) => names.has(name));
}
