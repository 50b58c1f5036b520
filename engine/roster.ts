import type { RoomEvent } from './messages/events.js';

/** Events that change which users are members. */
export type PresenceEvent = Extract<
  RoomEvent,
  { type: 'member_joined' | 'member_left' | 'member_kicked' | 'members' | 'room_closed' }
>;

/**
 * Most events kept until the first welcome lists the members. Only rooms too large to list them have more.
 */
const KEPT = 4_096;

/**
 * The members of a room, as a node's clients were told of them. Not known in a room with more members than
 * the presence limit: there nobody is told of joins and leaves.
 */
export class Roster {
  private names: readonly string[] | null = null;
  /** Events before `begin`; null after it. */
  private early: PresenceEvent[] | null = [];
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
   * The first connection is let in: begins with the members in its welcome, and applies the events since
   * then. If the list has changed since the connection asked for its seat (when it had this version), the
   * list is newer and stays.
   */
  begin(members: readonly string[], count: number, version: number): void {
    const early = this.early ?? [];
    if (this.early === null && version !== this.changes) return;
    this.early = null;
    this.names = members.length === count ? members.slice() : null;
    for (const event of early) this.apply(event);
  }

  /**
   * The room has a new home, or was rebuilt. Early events of before are out of date for a welcome from after
   * it.
   */
  rollCalled(): void {
    if (this.early !== null) this.early = [];
  }

  /** Applies an event. Answers whether the list has changed. */
  apply(event: PresenceEvent): boolean {
    if (this.early !== null) {
      if (this.early.length < KEPT) this.early.push(event);
      return false;
    }
    const names = this.after(event);
    if (names === this.names) return false;
    this.names = names;
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
