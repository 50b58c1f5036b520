import type { Told, Visit } from '../../checker/history.js';

/** A frame, of which only what it says of members is looked at. */
interface Frame {
  readonly type: string;
  readonly user?: string | null;
  readonly members?: readonly string[];
  readonly member_count?: number;
}

/** All connections that were tried, for the checker of seats. */
export class VisitBook {
  readonly visits: Visit[] = [];
  /** Where each was, and what more is known of it than the checker has to be told. */
  readonly logs = new Map<Visit, VisitLog>();

  /** To be called right before the connection is asked for. */
  begin(room_id: string, user: string, door: string): VisitLog {
    const visit: Visit = {
      room_id,
      user,
      asked_at: performance.now(),
      welcome_at: null,
      sure_until: null,
      closed_at: null,
      doubts: [],
      told: [],
    };
    this.visits.push(visit);
    const log = new VisitLog(visit, door);
    this.logs.set(visit, log);
    return log;
  }
}

/** Writes down one connection. */
export class VisitLog {
  /** Posts of something new that were answered with a seq: where only members may post, its user was one in between. */
  readonly posted: { readonly sentAt: number; readonly at: number }[] = [];
  private ending = false;

  constructor(
    readonly visit: Visit,
    /** The name of the door at which it was asked for. */
    readonly door: string,
  ) {}

  read({ type, user, members = [], member_count = 0 }: Frame): void {
    if (type === 'welcome') {
      this.visit.welcome_at = performance.now();
      this.wasOpen(this.visit.asked_at);
    }
    if (type === 'welcome' || type === 'members') {
      if (members.length === member_count) this.tell(type, [...members]);
    } else if (type === 'joined' || type === 'left') this.tell(type, [user ?? '']);
    else if (type === 'member_kicked') this.tell('kicked', [user ?? '']);
  }

  /**
   * Notes that the server certainly had it open at this time. Ignored once the client has begun to end it or has seen it
   * closed.
   */
  wasOpen(at: number): void {
    const { sure_until, welcome_at, closed_at } = this.visit;
    if (welcome_at === null || closed_at !== null || this.ending) return;
    this.visit.sure_until = Math.max(sure_until ?? 0, at);
  }

  /** To be called right before the client ends it, or its node is killed. */
  end(): void {
    this.wasOpen(performance.now());
    this.ending = true;
  }

  hasPosted(sentAt: number): void {
    this.posted.push({ sentAt, at: performance.now() });
  }

  closed(): void {
    this.visit.closed_at = performance.now();
  }

  private tell(type: Told['type'], users: string[]): void {
    this.visit.told.push({ at: performance.now(), type, users });
  }
}
