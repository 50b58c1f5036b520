import type { RoomEvent } from './messages/events.js';

/** What an event says about the members of a room. */
export type PresenceEvent = Extract<
  RoomEvent,
  { type: 'member_joined' | 'member_left' | 'member_kicked' | 'members' | 'room_closed' }
>;

/** Events kept until the first welcome says who is there. More come only in a room that is too large to name them. */
const KEPT = 4_096;

/**
 * The members of a room, as the clients of a node were told of them. Not known in a room with more members than are
 * named: there nobody is told who comes and goes.
 */
export class Roster {
  private names: readonly string[] | null = null;
  /** Events before `begin`. */
  private early: PresenceEvent[] | null = [];
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
  begin(members: readonly string[], count: number, version: number): void {
    const early = this.early ?? [];
    if (this.early === null && version !== this.changes) return;
    this.early = null;
    this.names = members.length === count ? [...members] : null;
    for (const event of early) this.apply(event);
  }

  /** The room has another home, or was rebuilt: what its last one said before is out of date for a welcome of this one. */
  rollCalled(): void {
    if (this.early !== null) this.early = [];
  }

  /** Applies an event. Answers whether the list is another one now. */
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
        return names === null || names.includes(event.user) ? names : [...names, event.user];
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
    const members = names.includes(user) ? names : [...names, user];
    return haveSameNames(members, told) ? null : members;
  }
}

function haveSameNames(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  const names = new Set(some);
  return others.every((name) => names.has(name));
}
