import type { RoomView } from './messages/answers.js';
import type { RoomEvent } from './messages/events.js';

/** Events that change which users are members. */
export type PresenceEvent = Extract<
  RoomEvent,
  { type: 'member_joined' | 'member_left' | 'member_kicked' | 'members' | 'room_closed' }
>;

/** Most events kept while the list is not known. More than can come between a join and its answer. */
const KEPT = 256;
const NONE: PresenceEvent[] = [];

/**
 * The members of a room, as a node's clients were told of them. Not known in a room with more members than
 * the presence limit: there nobody is told of joins and leaves.
 */
export class Roster {
  private names: readonly string[] | null = null;
  /**
   * The last events while the list is not known. The next welcome that lists all members may be older than
   * they are.
   */
  private early = NONE;
  private changes = 0;

  constructor(private readonly limit: number) {}

  /** All members by name; null if they are not known. */
  get members(): readonly string[] | null {
    return this.names;
  }

  /** Another number after each change. */
  get version(): number {
    return this.changes;
  }

  /**
   * A connection is let in: begins with the members in its welcome, and applies the early events. If the list
   * is known and has changed since the connection asked for its seat (when it had this version), it is newer
   * and stays.
   */
  begin({ members, member_count, head_seq }: RoomView, version: number): void {
    if (this.names !== null && version !== this.changes) return;
    const { early } = this;
    const listed = members.length === member_count ? members.slice() : null;
    this.early = NONE;
    this.names = listed;
    for (const event of early) {
      // Events from before the room closed do not count. The welcome may be older than that, or newer.
      if (event.type === 'room_closed') this.names = event.seq > head_seq ? [] : listed;
      else this.apply(event);
    }
  }

  /**
   * The room has a new home, or was rebuilt. Early events of before are out of date for a welcome from after
   * it.
   */
  rollCalled(): void {
    this.early = NONE;
  }

  /** Applies an event. Answers whether the list has changed. */
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
        // Clients keep the list that they have, so the next list counts as a change.
        return null;
    }
  }

  /**
   * For a connection that enters the live stream now: the list of members it has to be sent, or null if it
   * knows the list. `told`: the members in its welcome; `version`: of the list when it asked for its seat.
   * Its own join may not have arrived here yet, so `user` is added.
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
