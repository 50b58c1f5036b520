import type { Joined } from './messages/answers.js';
import type { RoomEvent } from './messages/events.js';

/** Events that change which users are members. */
export type PresenceEvent = Extract<
  RoomEvent,
  { type: 'member_joined' | 'member_left' | 'member_kicked' | 'members' | 'room_closed' }
>;
/** Those that are not stored. */
export type PresenceNews = Extract<PresenceEvent, { member_count: number }>;
/** Those about one user. */
type Change = Extract<PresenceEvent, { user: string }>;

/** Most changes kept for when those before them arrive. More than can come between a join and its answer. */
const KEPT = 256;

/**
 * The members of a room, as a node's clients are told of them. Events, the answers to joins, and what is read from the
 * store reach a node by different routes and overtake each other. Each has a version, which counts up by one from change to
 * change, so what is older changes nothing, and what is missing is noticed. Not known in a room with more members than the
 * presence limit: there nobody is told of joins and leaves.
 */
export class Roster {
  private names: readonly string[] | null = null;
  /** All changes up to this version are in the names. 0: not known. */
  private complete = 0;
  /** Later changes, by version; null: none. Some before them have not arrived. */
  private ahead: Map<number, Change> | null = null;
  private differs = false;

  /** `limit`: clients of a room with more members than this are not told of joins and leaves. */
  constructor(readonly limit: number) {}

  /** All members by name; null if they are not known. */
  get members(): readonly string[] | null {
    return this.names;
  }

  /** The version of the last change that has arrived. */
  get version(): number {
    return this.ahead === null ? this.complete : Math.max(this.complete, ...this.ahead.keys());
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
    this.complete = 0;
    this.ahead = null;
  }

  /** The first connection is let in: begins with the members in its welcome, and applies what is newer. */
  begin({ room, members_version }: Joined): void {
    if (this.names !== null && members_version <= this.complete) return;
    this.differs = false;
    this.rebase(room.members.length === room.member_count ? room.members : null, members_version);
  }

  /**
   * Takes in the list in the answer to a user's join. Returns what clients have to be told of it, because the answer has
   * overtaken the events themselves; null: nothing.
   */
  learn({ room, at, members_version }: Joined, user: string): PresenceNews | null {
    const before = this.names;
    if (before === null || members_version <= this.complete) return null;
    const { room_id, member_count } = room;
    this.rebase(room.members.length === member_count ? room.members : null, members_version);
    const { names } = this;
    if (names === null || names === before) return null;
    const news = { room_id, at, member_count: names.length, members_version };
    if (haveSameNames(before.concat(user), names)) return { type: 'member_joined', user, ...news };
    return { type: 'members', members: [...names], ...news };
  }

  /** Applies an event. Answers whether clients have to be told of it. */
  apply(event: PresenceEvent): boolean {
    const version = event.members_version ?? 0;
    const before = this.names;
    switch (event.type) {
      case 'members':
        // The same list may be told again to a node that has missed some of the changes before it.
        if (version < this.complete) return false;
        this.rebase(event.members, version);
        return this.names !== before;
      case 'room_closed':
        if (version <= this.complete) return false;
        this.rebase([], version);
        // For clients this ends no membership: they keep the list that they have.
        this.differs = true;
        return true;
      default:
        if (version <= this.complete || this.ahead?.has(version)) return false;
        return this.change(event, version);
    }
  }

  private change(event: Change, version: number): boolean {
    const before = this.names;
    const isLast = !this.hasLater(event.user, version);
    if (this.complete > 0 && version === this.complete + 1) {
      this.complete = version;
      this.catchUp();
    } else this.keep(event, version);
    if (isLast) this.names = this.after(event, before);
    return isLast && (this.names === null || this.names !== before);
  }

  private hasLater(user: string, version: number): boolean {
    for (const [later, event] of this.ahead ?? []) if (later > version && event.user === user) return true;
    return false;
  }

  private keep(event: Change, version: number): void {
    this.ahead ??= new Map<number, Change>();
    this.ahead.set(version, event);
    if (this.ahead.size <= KEPT) return;
    this.complete = this.version;
    this.ahead = null;
  }

  /** Changes that follow without a gap are no longer ahead. */
  private catchUp(): void {
    while (this.ahead?.delete(this.complete + 1)) this.complete++;
    if (this.ahead?.size === 0) this.ahead = null;
  }

  /** A whole list, and then the changes that are newer. */
  private rebase(members: readonly string[] | null, version: number): void {
    const before = this.names;
    const later = [...(this.ahead ?? [])].filter(([of]) => of > version).sort(([a], [b]) => a - b);
    let names = members;
    for (const [, event] of later) names = this.after(event, names);
    this.names = names !== null && before !== null && haveSameNames(names, before) ? before : names;
    this.complete = version;
    this.ahead = later.length === 0 ? null : new Map(later);
    this.catchUp();
  }

  private after(event: Change, names: readonly string[] | null): readonly string[] | null {
    const { user } = event;
    if (event.type !== 'member_joined')
      return names?.includes(user) ? names.filter((one) => one !== user) : names;
    if (event.member_count > this.limit) return null;
    return names === null || names.includes(user) ? names : names.concat(user);
  }

  /**
   * For a connection that enters the live stream now: the list of members it has to be sent, or null if it
   * knows the list. `told`: the members as it was told of them, with this version.
   */
  newsFor(told: readonly string[], version: number): readonly string[] | null {
    const { names } = this;
    if (names === null || version === this.version || haveSameNames(names, told)) return null;
    return names;
  }
}

function haveSameNames(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  const names = new Set(some);
  return others.every((name) => names.has(name));
}
