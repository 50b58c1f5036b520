import type { History, Visit } from './history.js';
import { hadSeat, LATE_MS, possibleEnds, seatOverAt, seatsOf, type Seats } from './seats.js';
import type { Violation } from './violations.js';

/**
 * Promise 3, capacity, and what DESIGN 4 says of seats: nobody who stayed is said to have left, or is missing from the
 * list of members; nobody who went keeps a seat; who is thrown out is gone.
 *
 * Only what is certain counts. A connection is there from its welcome to when it may have ended; a frame was sent at
 * some time between the opening of the connection and its arrival.
 */
export function checkPresence(history: History): Violation[] {
  return seatsOf(history).flatMap((seats) => [
    ...checkCapacity(seats),
    ...seats.visits.flatMap((visit) => checkLefts(seats, visit)),
    ...checkLists(seats, history),
    ...checkKicks(seats),
  ]);
}

function checkCapacity({ room, stays }: Seats): Violation[] {
  const { room_id, capacity } = room;
  if (capacity === null) return [];
  const violations: Violation[] = [];
  let open: typeof stays = [];
  for (const stay of stays) {
    open = open.filter(({ openUntil }) => openUntil > stay.from);
    const before = new Set(open.map(({ user }) => user));
    if (stay.openUntil > stay.from) open = [...open, stay];
    const users = new Set(open.map(({ user }) => user));
    if (users.size > before.size && users.size > capacity)
      violations.push({ kind: 'over_capacity', room_id, capacity, users: [...users].sort(), at: stay.from });
  }
  return violations;
}

/** No more `left`s of a user than the times that the seat may have become free. */
function checkLefts(seats: Seats, { user: told, asked_at, told: frames }: Visit): Violation[] {
  const { room_id } = seats.room;
  const violations: Violation[] = [];
  const counts = new Map<string, number>();
  for (const { at, type, users } of frames) {
    const [user] = users;
    if (type !== 'left' || user === undefined) continue;
    const count = (counts.get(user) ?? 0) + 1;
    counts.set(user, count);
    // A seat that its user has had again since, before this connection was asked for, is no news to it.
    const isOld = (settledBy: number): boolean =>
      seats.stays.some((stay) => stay.user === user && stay.askedAt > settledBy && stay.from < asked_at);
    const ends = possibleEnds(seats, user).filter((end) => end.at <= at && !isOld(end.settledBy));
    if (count > ends.length) violations.push({ kind: 'left_but_present', room_id, user, told, at });
  }
  return violations;
}

/** Lists of members name whoever had a seat while they were made, and nobody who had none. */
function checkLists(seats: Seats, { rosters }: History): Violation[] {
  const { room_id } = seats.room;
  const read = rosters
    .filter((roster) => roster.room_id === room_id)
    .map(({ asked_at, answered_at, members }) => ({
      by: 'a service',
      from: asked_at,
      to: answered_at,
      members,
    }));
  const told = seats.visits.flatMap(({ user, asked_at, told }) =>
    told
      .filter(({ type }) => type === 'welcome' || type === 'members')
      .map(({ at, users }) => ({ by: user, from: asked_at, to: at, members: users })),
  );
  const users = [...new Set(seats.stays.map(({ user }) => user))];
  return [...read, ...told].flatMap(({ by, from, to, members }) => {
    const named = new Set(members);
    const lost = users.filter((user) => !named.has(user) && hadSeat(seats, user, from, to));
    const over = members.filter((user) => seatOverAt(seats, user) + LATE_MS < from);
    return [
      ...lost.map((user): Violation => ({ kind: 'seat_lost', room_id, user, by, at: to })),
      ...over.map((user): Violation => ({ kind: 'seat_left_over', room_id, user, by, at: to })),
    ];
  });
}

function checkKicks({ room: { room_id }, visits, kicks }: Seats): Violation[] {
  return kicks.flatMap(({ user, asked_at, answered_at }) =>
    visits
      .filter((visit) => visit.user === user && (visit.welcome_at ?? Infinity) <= asked_at)
      .filter(({ sure_until }) => answered_at !== null && (sure_until ?? 0) > answered_at + LATE_MS)
      .map(({ sure_until }) => ({ kind: 'kicked_but_connected', room_id, user, at: sure_until ?? 0 })),
  );
}
