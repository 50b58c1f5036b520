import type { RoomEvent } from '../../../engine/messages/events.js';
import type { Policy } from '../../../engine/messages/policy.js';
import type { Clock } from '../../../engine/ports.js';
import type { Network } from './network.js';
import type { HomeSession } from './parts.js';
import type { Seen } from './seen.js';

/** Which seats may be lost, though their connections are open: those of nodes that nobody has heard for too long. */
export class Forfeits {
  /** Members that a home has told of in a session, by room. */
  private readonly sessions = new WeakMap<HomeSession, Map<string, Set<string>>>();

  constructor(
    private readonly clock: Clock,
    private readonly network: () => Network,
    private readonly policyOf: (room: string) => Policy,
  ) {}

  /** The home tells of members. */
  told(event: Extract<RoomEvent, { type: 'member_joined' | 'member_left' | 'members' }>): void {
    const { session } = this.network().partitionOf(event.room_id);
    if (!session) return;
    const users = this.membersIn(session, event.room_id);
    if (event.type === 'members') for (const user of event.members) users.add(user);
    else if (event.type === 'member_joined') users.add(event.user);
    else users.delete(event.user);
  }

  private membersIn(session: HomeSession, room: string): Set<string> {
    let rooms = this.sessions.get(session);
    if (!rooms) this.sessions.set(session, (rooms = new Map<string, Set<string>>()));
    let users = rooms.get(room);
    if (!users) rooms.set(room, (users = new Set()));
    return users;
  }

  /**
   * A node that is not heard for the time of a lease is gone, and its seats are free after grace: at once where nobody
   * knows of them, since their home has changed and has not heard of them, and no other client was told of them.
   */
  isForfeit(one: Seen, inRoom: readonly Seen[]): boolean {
    const { outSince } = one.endpoint;
    if (outSince === null) return false;
    const { timing } = this.network();
    const { session } = this.network().partitionOf(one.room);
    const away = this.clock.elapsed() - outSince - timing.leaseMs;
    if (away < 0) return false;
    const isKnown = session !== null && this.membersIn(session, one.room).has(one.user);
    const isBelieved = inRoom.some(
      (other) => other.endpoint.link === 'up' && other.welcomedAt !== null && other.roster.has(one.user),
    );
    return away >= this.policyOf(one.room).grace_ms || (!isKnown && !isBelieved);
  }
}
