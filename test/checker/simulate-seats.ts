import fc from 'fast-check';
import type { Kick, Roster, Span, Told, Visit } from './history.js';

/** The rooms of the simulation: how many seats they have, who may post, and for how long a seat is kept. */
export const SEATING = {
  a: { capacity: 2, post: 'anyone', grace_ms: 100 },
  b: { capacity: 3, post: 'anyone', grace_ms: 0 },
} as const;
type RoomId = keyof typeof SEATING;

interface Seated {
  readonly visits: Visit[];
  readonly kicks: Kick[];
  readonly rosters: Roster[];
  readonly unsettled: Span[];
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
  /** Nobody hears the user's node for too long: the seat is free, and the connection stands. */
  | 'forfeit'
  /** That node is heard again: the seat is the user's again if there is one, else the connection is ended. */
  | 'regain'
  /** The room's home changes: the grace of its seats begins anew. */
  | 'move'
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
  'forfeit',
  'regain',
  'regain',
  'move',
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
  private readonly unsettled: Span[] = [];
  /** Connections that stand and have lost their seats. */
  private readonly forfeited = new Set<Connection>();

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
    const { kicks, rosters, unsettled } = this;
    return { visits: this.all.map(({ visit }) => visit), kicks, rosters, unsettled };
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
      case 'forfeit':
        if (mine) this.forfeit(room, user, this.now - there);
        return;
      case 'regain':
        this.regain(room, user, back);
        return;
      case 'move':
        this.move(room, this.now - there, this.now + back);
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
    const base = { room_id: room, user, asked_at };
    const seat = seats.get(user);
    if (!seat && seats.size >= SEATING[room].capacity) {
      const visit = {
        ...base,
        welcome_at: null,
        sure_until: null,
        closed_at: welcome_at,
        doubts: [],
        told: [],
      };
      this.all.push({ visit, droppedAt: Infinity });
      return;
    }
    const visit: Visit = {
      ...base,
      ...{ welcome_at, sure_until: asked_at, closed_at: null, doubts: [], told: [] },
    };
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
    for (const connection of this.forfeited)
      if (connection.visit.room_id === room && connection.visit.user === user)
        this.forfeited.delete(connection);
    if (!seat) return;
    this.tell(room, 'kicked', user, back);
    this.seats[room].delete(user);
    for (const { visit } of seat.connections)
      visit.closed_at = Math.max(this.now, visit.welcome_at ?? 0) + back;
    this.tell(room, 'left', user, back);
  }

  private forfeit(room: RoomId, user: string, from: number): void {
    const connections = this.seats[room].get(user)?.connections ?? [];
    this.seats[room].delete(user);
    this.tell(room, 'left', user, 7);
    for (const connection of connections) {
      connection.visit.doubts.push({
        from: Math.max(from, connection.visit.doubts.at(-1)?.to ?? 0),
        to: null,
      });
      this.forfeited.add(connection);
    }
  }

  private regain(room: RoomId, user: string, back: number): void {
    const found = [...this.forfeited].find(({ visit }) => visit.room_id === room && visit.user === user);
    if (!found) return;
    this.forfeited.delete(found);
    const seats = this.seats[room];
    const seat = seats.get(user);
    if (!seat && seats.size >= SEATING[room].capacity) {
      found.visit.closed_at = Math.max(this.now, found.visit.welcome_at ?? 0) + back;
      return;
    }
    if (!seat) this.tell(room, 'joined', user, back);
    const connections = seat?.connections ?? new Set();
    seats.set(user, { connections: connections.add(found), freeAt: Infinity });
    const doubt = found.visit.doubts.at(-1);
    if (doubt) doubt.to = this.now + back;
  }

  private move(room: RoomId, from: number, to: number): void {
    this.unsettled.push({ from, to });
    for (const seat of this.seats[room].values())
      if (seat.connections.size === 0) seat.freeAt = this.now + SEATING[room].grace_ms;
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
