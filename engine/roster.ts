import type { RoomEvent } from './messages/events.js';

/** What an event says about the members of a room, applied to a list of them. */
export type PresenceEvent = Extract<
  RoomEvent,
  { type: 'member_joined' | 'member_left' | 'member_kicked' | 'members' | 'room_closed' }
>;

/**
 * The members of a room, as the clients of a node were told of them. Not known in a room with more members than are
 * named: there nobody is told who comes and goes.
 */
export class Roster {
  private names: readonly string[] | null = null;

  constructor(private readonly limit: number) {}

  /** All members by name, or null where they are not known. */
  get members(): readonly string[] | null {
    return this.names;
  }

  /** Begins with what a welcome says. */
  begin(members: readonly string[], count: number): void {
    this.names = members.length === count ? [...members] : null;
  }

  /** Applies an event. Answers whether the list is another one now. */
  apply(event: PresenceEvent): boolean {
    const before = this.names;
    switch (event.type) {
      case 'members':
        if (before !== null && haveSameNames(before, event.members)) return false;
        this.names = event.members;
        return true;
      case 'member_joined':
        if (event.member_count > this.limit) this.names = null;
        else if (before !== null && !before.includes(event.user)) this.names = [...before, event.user];
        break;
      case 'member_left':
      case 'member_kicked':
        if (before !== null) this.names = before.filter((user) => user !== event.user);
        break;
      case 'room_closed':
        // Clients keep the list they have: the next one has to be told.
        this.names = null;
    }
    return this.names !== before;
  }
}

function haveSameNames(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  const names = new Set(some);
  return others.every((name) => names.has(name));
}
