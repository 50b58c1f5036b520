import type { History, Visit } from './history.js';
import type { Faults } from './plant.js';
import { hadSeat, LATE_MS, possibleEnds, seatOverAt, seatsOf, type Seats, type Stay } from './seats.js';

/** Faults of seats: who is in a room, and what is said of it. */
export const PRESENCE_FAULTS: Faults<
  'over_capacity' | 'left_but_present' | 'seat_lost' | 'seat_left_over' | 'kicked_but_connected'
> = {
  over_capacity: [
    {
      name: 'a stranger who is let in while every seat is taken',
      plant(history, choose) {
        const full = crowds(history).filter(({ users, seats }) => users.length === seats.room.capacity);
        const found = choose(full);
        if (!found) return null;
        const { seats, users, from, until } = found;
        const { room_id, capacity } = seats.room;
        const at = (from + until) / 2;
        history.visits.push(visitOf(room_id, 'eve', at, until));
        return { room_id, capacity, users: [...users, 'eve'].sort(), at };
      },
    },
    {
      name: 'a user who is let in though the room has one seat less',
      plant(history, choose) {
        const found = choose(crowds(history));
        if (!found) return null;
        const { seats, users, from } = found;
        seats.room.capacity = users.length - 1;
        return {
          room_id: seats.room.room_id,
          capacity: users.length - 1,
          users: [...users].sort(),
          at: from,
        };
      },
    },
  ],
  left_but_present: [
    {
      name: 'a user who is said to have left and was there all the time',
      plant(history, choose) {
        const pairs = seatsOf(history).flatMap((seats) =>
          seats.visits.flatMap((visit) =>
            seats.stays
              .filter(
                ({ from, heldUntil }) => from < visit.asked_at && heldUntil > (visit.welcome_at ?? Infinity),
              )
              // Nothing else that this visit may have been told of.
              .filter(({ user }) => possibleEnds(seats, user).every(({ at }) => at > (visit.welcome_at ?? 0)))
              .map(({ user }) => ({ seats, visit, user })),
          ),
        );
        const found = choose(pairs);
        if (!found) return null;
        const { seats, visit, user } = found;
        const at = visit.welcome_at ?? 0;
        visit.told.splice(1, 0, { at, type: 'left', users: [user] });
        return { room_id: seats.room.room_id, user, told: visit.user, at };
      },
    },
    {
      name: 'a user who is said twice to have left, and left once',
      plant(history, choose) {
        const once = seatsOf(history).flatMap((seats) =>
          seats.visits.flatMap((visit) =>
            visit.told
              .filter(({ type, users }) => {
                const ends = possibleEnds(seats, users[0] ?? '');
                return type === 'left' && ends.length === 1;
              })
              .map((told) => ({ seats, visit, told })),
          ),
        );
        const found = choose(once);
        if (!found) return null;
        const { seats, visit, told } = found;
        visit.told.push({ ...told });
        return { room_id: seats.room.room_id, user: told.users[0], told: visit.user, at: told.at };
      },
    },
  ],
  seat_lost: [
    {
      name: 'a member whom a service does not find in the list',
      plant(history, choose) {
        const named = seatsOf(history).flatMap((seats) =>
          history.rosters
            .filter(({ room_id }) => room_id === seats.room.room_id)
            .flatMap((roster) =>
              roster.members
                .filter((user) => hadSeat(seats, user, roster.asked_at, roster.answered_at))
                .map((user) => ({ roster, user })),
            ),
        );
        const found = choose(named);
        if (!found) return null;
        const { roster, user } = found;
        roster.members = roster.members.filter((one) => one !== user);
        return { room_id: roster.room_id, user, by: 'a service', at: roster.answered_at };
      },
    },
    {
      name: 'a member whom a welcome does not name',
      plant(history, choose) {
        const named = seatsOf(history).flatMap((seats) =>
          seats.visits.flatMap((visit) =>
            visit.told
              .filter(({ type }) => type === 'welcome')
              .flatMap((told) => told.users.map((user) => ({ visit, told, user })))
              .filter(({ user, told }) => hadSeat(seats, user, visit.asked_at, told.at)),
          ),
        );
        const found = choose(named);
        if (!found) return null;
        const { visit, told, user } = found;
        told.users = told.users.filter((one) => one !== user);
        return { room_id: visit.room_id, user, by: visit.user, at: told.at };
      },
    },
  ],
  seat_left_over: [
    {
      name: 'a seat that is kept for somebody who went long ago',
      plant(history, choose) {
        const gone = seatsOf(history).flatMap((seats) =>
          history.rosters
            .filter(({ room_id }) => room_id === seats.room.room_id)
            .flatMap((roster) =>
              [...new Set(seats.visits.map(({ user }) => user))]
                .filter((user) => seatOverAt(seats, user) + LATE_MS < roster.asked_at)
                .map((user) => ({ roster, user })),
            ),
        );
        const found = choose(gone);
        if (!found) return null;
        const { roster, user } = found;
        roster.members.push(user);
        return { room_id: roster.room_id, user, by: 'a service', at: roster.answered_at };
      },
    },
    {
      name: 'a member who was never there',
      plant(history, choose) {
        const visit = choose(history.visits.filter(({ told }) => told.length > 0));
        const [welcome] = visit?.told ?? [];
        if (!visit || !welcome) return null;
        welcome.users.push('nobody');
        return { room_id: visit.room_id, user: 'nobody', by: visit.user, at: welcome.at };
      },
    },
  ],
  kicked_but_connected: [
    {
      name: 'a user who was thrown out, and goes on to post',
      plant(history, choose) {
        const kicked = history.kicks.flatMap((kick) =>
          history.visits
            .filter(({ room_id, user }) => room_id === kick.room_id && user === kick.user)
            .filter(({ welcome_at }) => welcome_at !== null && welcome_at <= kick.asked_at)
            .flatMap((visit) =>
              kick.answered_at === null ? [] : [{ visit, at: kick.answered_at + LATE_MS + 1 }],
            ),
        );
        const found = choose(kicked);
        if (!found) return null;
        const { visit, at } = found;
        Object.assign(visit, { sure_until: at, closed_at: null });
        return { room_id: visit.room_id, user: visit.user, at };
      },
    },
  ],
};

interface Crowd {
  readonly seats: Seats;
  readonly users: readonly string[];
  /** They are all in the room between these. */
  readonly from: number;
  readonly until: number;
}

/** Who is in a room together at the moments at which somebody is let in. */
function crowds(history: History): Crowd[] {
  return seatsOf(history).flatMap((seats) =>
    seats.stays.flatMap(({ user, from, openUntil }) => {
      const others = seats.stays.filter((other) => isOpen(other, from) && other.user !== user);
      const isThere = seats.stays.some((other) => isOpen(other, from) && other.user === user);
      const until = Math.min(openUntil, ...others.map((other) => other.openUntil));
      const users = [...new Set([...others.map((other) => other.user), user])];
      // Of two who are let in at one moment, neither was there before the other.
      const isAlone = !seats.stays.some(
        (other) => other.from === from && other.openUntil > from && other.user !== user,
      );
      return until > from && !isThere && isAlone ? [{ seats, users, from, until }] : [];
    }),
  );
}

function isOpen({ from, openUntil }: Stay, at: number): boolean {
  return from < at && at < openUntil;
}

function visitOf(room_id: string, user: string, at: number, until: number): Visit {
  const [asked_at, closed_at] = [at - 1, until + 1];
  return { room_id, user, asked_at, welcome_at: at, sure_until: until, closed_at, doubts: [], told: [] };
}
