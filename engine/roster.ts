import type { Joined } from './messages/answers.js';
import type { RoomEvent } from './messages/events.js';

/** Events that change which users are members. */
export type PresenceEvent = Extract<
  RoomEvent,
  { type: 'member_joined' | 'member_left' | 'member_kicked' | 'members' | 'room_closed' }
>;

/** Those that are not stored. */
export type PresenceNews = Extract<PresenceEvent, { member_count: number }>;

/** Most events kept while the list is not known. More than can come between a join and its answer. */
const KEPT = 256;
const NONE: PresenceEvent[] = [];

/**
 * The members of a room, as a node's clients are told of them. Events, and the lists in answers to joins, reach a node on
 * different ways and may overtake each other: their version says which is newer, and what is older changes nothing. Not
 * known in a room with more members than the presence limit: there nobody is told of joins and leaves.
 */
export class Roster {
  private names: readonly string[] | null = null;
  /** The version of the names. 0: they are not known, or changes may have been missed since the last list. */
  private newest = 0;
  /** The last events while the list is not known. The next list may be older than they are. */
  private early = NONE;
  private differs = false;

  constructor(private readonly limit: number) {}

  /** All members by name; null if they are not known. */
  get members(): readonly string[] | null {
    return this.names;
  }

  get version(): number {
    return this.newest;
  }

  /** Whether clients were not told of the last change, so that they have to be sent the whole list. */
  get clientsDiffer(): boolean {
    return this.differs;
  }

  /** Clients have been sent the whole list. */
  listed(): void {
    this.differs = false;
  }

  /** Events may have been missed: whatever comes counts until there is a whole list. */
  missed(): void {
    this.newest = 0;
  }

  /**
   * The first connection is let in: begins with the members in its welcome, and applies the events that came before it
   * and are newer.
   */
  begin({ room, members_version }: Joined): void {
    if (this.names !== null && members_version <= this.newest) return;
    const { early } = this;
    this.early = NONE;
    this.differs = false;
    this.names = room.members.length === room.member_count ? room.members : null;
    this.newest = members_version;
    for (const event of early) this.apply(event);
  }

  /**
   * What the answer to a user's join says that was not known here, as an event: it has overtaken the events themselves.
   * Null: nothing.
   */
  newsIn({ room, at, members_version }: Joined, user: string): PresenceNews | null {
    const { names } = this;
    if (names === null || members_version <= this.newest) return null;
    const { room_id, members, member_count } = room;
    const rest = { room_id, at, member_count, members_version };
    const isJoin = member_count > this.limit || haveSameNames(names.concat(user), members);
    return isJoin
      ? { type: 'member_joined', user, ...rest }
      : { type: 'members', members: [...members], ...rest };
  }

  /** Applies an event. Answers whether clients have to be told of it. */
  apply(event: PresenceEvent): boolean {
    const version = event.members_version ?? 0;
    // The same list may be told again to a node that has missed some of the changes before it.
    if (event.type === 'members' ? version < this.newest : version <= this.newest) return false;
    if (event.type === 'members' || event.type === 'room_closed' || this.newest > 0) this.newest = version;
    const before = this.names;
    this.names = this.after(event);
    if (this.names !== null) this.early = NONE;
    else this.early = [...this.early.slice(1 - KEPT), event];
    return this.names === null || this.names !== before;
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
        // For clients this ends no membership: they keep the list that they have.
        this.differs = true;
        return [];
    }
  }

  /**
   * For a connection that enters the live stream now: the list of members it has to be sent, or null if it
   * knows the list. `told`: the members as it was told of them, with this version.
   */
  newsFor(told: readonly string[], version: number): readonly string[] | null {
    const { names } = this;
    if (names === null || version === this.newest || haveSameNames(names, told)) return null;
    return names;
  }
}

function haveSameNames(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  const names = new Set(some);
  return others.every((name) => names.has(name));
}
