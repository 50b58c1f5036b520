import fc from 'fast-check';
import type { Kick, Roster, Told, Visit } from './history.js';

/** The rooms of the simulation: how many seats they have, and for how long one is kept. */
export const SEATING = {
  a: { capacity: 2, grace_ms: 100 },
  b: { capacity: 3, grace_ms: 0 },
} as const;
type RoomId = keyof typeof SEATING;

interface Seated {
  readonly visits: Visit[];
  readonly kicks: Kick[];
  readonly rosters: Roster[];
}

type Deed =
  /** Asks to be let in. */
  | 'ask'
  /** Posts, and is answered. */
  | 'post'
  /** Ends the connection; perhaps before the welcome. */
  | 'drop'
  /** The server ends it. */
  | 'cut'
  | 'kick'
  /** A service reads the members. */
  | 'read';

interface Step {
  readonly do: Deed;
  readonly room: RoomId;
  readonly user: number;
  /** Time before the step. */
  readonly after: number;
  /** How long it takes on its way to the server, and from there to the client. */
  readonly there: number;
  readonly back: number;
}

const USERS = ['ann', 'ben', 'cid', 'dora'];
const DEEDS = [
  'ask',
  'ask',
  'ask',
  'ask',
  'post',
  'post',
  'drop',
  'drop',
  'cut',
  'kick',
  'read',
  'read',
] as const;
const time = fc.integer({ min: 1, max: 40 });

const steps: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(...DEEDS),
  room: fc.constantFrom('a' as const, 'a' as const, 'b' as const),
  user: fc.nat({ max: USERS.length - 1 }),
  after: fc.oneof(
    { weight: 8, arbitrary: time },
    { weight: 1, arbitrary: fc.integer({ min: 50, max: 8_000 }) },
  ),
  there: time,
  back: time,
});

/** Who was in which room when, where seats are as they should be, and everything is under way for some time. */
export const seatings: fc.Arbitrary<Seated> = fc
  .array(steps, { minLength: 10, maxLength: 80 })
  .map((script) => new SeatWorld().play(script));

interface Connection {
  readonly visit: Visit;
  /** When the client began to end it. */
  droppedAt: number;
}

interface Seat {
  readonly connections: Set<Connection>;
  /** When it is free, if nobody comes back. */
  freeAt: number;
}

/** The truth is what happens at the server, at `now`; what clients see of it is earlier or later. */
class SeatWorld {
  private now = 1_000;
  private readonly seats = { a: new Map<string, Seat>(), b: new Map<string, Seat>() };
  private readonly all: Connection[] = [];
  private readonly kicks: Kick[] = [];
  private readonly rosters: Roster[] = [];

  play(script: readonly Step[]): Seated {
    for (const step of script) {
      const next = this.now + step.after;
      this.expire(next);
      this.now = next;
      this.take(step);
    }
    for (const { visit, droppedAt } of this.all) {
      const end = Math.min(droppedAt, visit.closed_at ?? Infinity);
      visit.told = visit.welcome_at === null ? [] : visit.told.filter(({ at }) => at <= end);
    }
    return { visits: this.all.map(({ visit }) => visit), kicks: this.kicks, rosters: this.rosters };
  }

  private take(step: Step): void {
    const { room, there, back } = step;
    const user = USERS[step.user] ?? '';
    const mine = [...(this.seats[room].get(user)?.connections ?? [])].at(0);
    switch (step.do) {
      case 'ask':
        this.ask(room, user, this.now - there, this.now + back);
        return;
      case 'post':
        if (mine?.visit.sure_until !== null && mine && this.now - there > (mine.visit.sure_until ?? 0))
          mine.visit.sure_until = this.now - there;
        return;
      case 'drop':
        if (mine) this.drop(room, user, mine, Math.max(mine.visit.asked_at + 1, this.now - there), back);
        return;
      case 'cut':
        if (!mine) return;
        mine.visit.closed_at = Math.max(this.now, mine.visit.welcome_at ?? 0) + back;
        this.gone(room, user, mine);
        return;
      case 'kick':
        this.kick(room, user, this.now - there, back);
        return;
      case 'read': {
        const members = [...this.seats[room].keys()];
        this.rosters.push({
          room_id: room,
          asked_at: this.now - there,
          answered_at: this.now + back,
          members,
        });
      }
    }
  }

  private ask(room: RoomId, user: string, asked_at: number, welcome_at: number): void {
    const seats = this.seats[room];
    const base = { room_id: room, user, asked_at, told: [] };
    const seat = seats.get(user);
    if (!seat && seats.size >= SEATING[room].capacity) {
      const visit = { ...base, welcome_at: null, sure_until: null, closed_at: welcome_at };
      this.all.push({ visit, droppedAt: Infinity });
      return;
    }
    const visit: Visit = { ...base, welcome_at, sure_until: asked_at, closed_at: null };
    const connection = { visit, droppedAt: Infinity };
    if (!seat) this.tell(room, 'joined', user, welcome_at - this.now);
    const connections = seat?.connections ?? new Set();
    seats.set(user, { connections: connections.add(connection), freeAt: Infinity });
    this.all.push(connection);
    visit.told.push({ at: welcome_at, type: 'welcome', users: [...seats.keys()] });
  }

  private drop(room: RoomId, user: string, connection: Connection, at: number, back: number): void {
    const { visit } = connection;
    // Gone before the welcome had come: then there was none.
    if (visit.welcome_at !== null && visit.welcome_at >= at) visit.welcome_at = null;
    visit.sure_until = visit.welcome_at === null ? null : at;
    visit.closed_at = this.now + back;
    connection.droppedAt = at;
    this.gone(room, user, connection);
  }

  private gone(room: RoomId, user: string, connection: Connection): void {
    const seat = this.seats[room].get(user);
    if (!seat) return;
    seat.connections.delete(connection);
    if (seat.connections.size > 0) return;
    seat.freeAt = this.now + SEATING[room].grace_ms;
    this.expire(this.now);
  }

  private kick(room: RoomId, user: string, asked_at: number, back: number): void {
    const seat = this.seats[room].get(user);
    // Every third answer is lost.
    const answered_at = back % 3 === 0 ? null : this.now + back;
    this.kicks.push({ room_id: room, user, asked_at, answered_at });
    if (!seat) return;
    this.tell(room, 'kicked', user, back);
    this.seats[room].delete(user);
    for (const { visit } of seat.connections)
      visit.closed_at = Math.max(this.now, visit.welcome_at ?? 0) + back;
    this.tell(room, 'left', user, back);
  }

  /** Seats whose grace is over by then become free. */
  private expire(until: number): void {
    for (const room of ['a', 'b'] as const) {
      for (const [user, { freeAt }] of this.seats[room]) {
        if (freeAt > until) continue;
        this.seats[room].delete(user);
        this.tell(room, 'left', user, 7, freeAt);
      }
    }
  }

  /** All who are in the room are told something, in one order. */
  private tell(room: RoomId, type: Told['type'], user: string, after: number, at = this.now): void {
    for (const { connections } of this.seats[room].values()) {
      for (const { visit } of connections) {
        const last = visit.told.at(-1)?.at ?? 0;
        visit.told.push({ at: Math.max(last, at + after), type, users: [user] });
      }
    }
  }
}
