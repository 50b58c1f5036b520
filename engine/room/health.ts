import type { Clock, Session } from '../ports.js';

/** After this many crashes in CRASH_WINDOW_MS a room rests for REST_MS. */
const CRASHES = 5;
const CRASH_WINDOW_MS = 10_000;
export const REST_MS = 30_000;
/** How often rooms that have ended with members are tried again, ms, and how many of them at a time. */
const REVIVE_MS = 1_000;
const REVIVED_AT_ONCE = 256;

interface Remembered {
  /** When the room crashed; monotonic, ms. */
  crashes: readonly number[];
  restsUntil: number;
  /**
   * The members that the room had when it ended, and its session; null if none, or once it is awake again.
   */
  kept: { readonly members: readonly string[]; readonly session: Session } | null;
}

/**
 * What the supervisor remembers of rooms that crashed or could not go on: how often they crashed, how long
 * they rest, and their members. A room that ended with members is woken again as soon as possible, because
 * some of them may have left meanwhile, and the others have to be told.
 */
export class Health {
  private readonly records = new Map<string, Remembered>();
  private ticking = false;

  constructor(
    private readonly clock: Clock,
    private readonly revive: (roomId: string, session: Session) => void,
  ) {}

  /** A room crashed. Answers how often in the last 10 s, and whether it has to rest. */
  crashed(roomId: string): { readonly crashes: number; readonly rests: boolean } {
    const now = this.clock.elapsed();
    const record = this.recordOf(roomId);
    record.crashes = [...record.crashes.filter((at) => at > now - CRASH_WINDOW_MS), now];
    const crashes = record.crashes.length;
    if (crashes >= CRASHES) {
      record.crashes = [];
      record.restsUntil = now + REST_MS;
    }
    return { crashes, rests: crashes >= CRASHES };
  }

  rests(roomId: string): boolean {
    return (this.records.get(roomId)?.restsUntil ?? 0) > this.clock.elapsed();
  }

  /** A room has ended with these members. */
  keepMembers(roomId: string, members: readonly string[], session: Session): void {
    this.recordOf(roomId).kept = { members, session };
  }

  /** Hands over the members of a room that is being woken; null: it did not end with any. */
  takeMembers(roomId: string): readonly string[] | null {
    const record = this.records.get(roomId);
    const members = record?.kept?.members ?? null;
    if (record) record.kept = null;
    return members;
  }

  keepsMembers(roomId: string): boolean {
    return (this.records.get(roomId)?.kept ?? null) !== null;
  }

  /**
   * A session has ended. Returns those of its rooms that have ended with members: their next home has to be
   * told.
   */
  sessionEnded(session: Session): string[] {
    const rooms: string[] = [];
    for (const [roomId, record] of this.records) {
      if (record.kept?.session !== session) continue;
      record.kept = null;
      rooms.push(roomId);
    }
    return rooms;
  }

  private recordOf(roomId: string): Remembered {
    let record = this.records.get(roomId);
    if (!record) this.records.set(roomId, (record = { crashes: [], restsUntil: 0, kept: null }));
    this.tickLater();
    return record;
  }

  private tickLater(): void {
    if (this.ticking) return;
    this.ticking = true;
    this.clock.after(REVIVE_MS, () => this.tick());
  }

  private tick(): void {
    this.ticking = false;
    const now = this.clock.elapsed();
    let revived = 0;
    for (const [roomId, record] of this.records) {
      const quiet = record.restsUntil <= now && record.crashes.every((at) => at <= now - CRASH_WINDOW_MS);
      if (quiet && record.kept === null) this.records.delete(roomId);
      else if (record.kept !== null && record.restsUntil <= now && revived < REVIVED_AT_ONCE) {
        revived++;
        this.revive(roomId, record.kept.session);
      }
    }
    if (this.records.size > 0) this.tickLater();
  }
}
