import type { History, Kick, Room, Span, Visit } from './history.js';

/** How long something may take that follows from something else, ms: a lease that ends, a slow machine. */
export const LATE_MS = 5_000;

/** A time at which a user's seat may have become free at the earliest. */
export interface PossibleEnd {
  readonly at: number;
  /** Who asks for a seat after this, and gets it, gets a new one, or had kept this one. */
  readonly settledBy: number;
}

/** A connection that was let in, from its welcome or the end of a doubt on, as far as one may rely on it. */
export interface Stay {
  readonly user: string;
  readonly askedAt: number;
  /** Its welcome, or when a doubt was over. */
  readonly from: number;
  /** Until then it was certainly open, and its user not thrown out. */
  readonly openUntil: number;
  /** Until then its user certainly had a seat: in grace, or by this connection. */
  readonly heldUntil: number;
}

/** What a history tells of the seats of one room. */
export interface Seats {
  readonly room: Room;
  readonly visits: readonly Visit[];
  readonly kicks: readonly Kick[];
  /** Ascending by `from`. */
  readonly stays: readonly Stay[];
  readonly unsettled: readonly Span[];
}

/** The seats of each room that was read. */
export function seatsOf(history: History): Seats[] {
  return history.rooms.map((room) => {
    const isHere = ({ room_id }: { readonly room_id: string }): boolean => room_id === room.room_id;
    const visits = history.visits.filter(isHere);
    const kicks = history.kicks.filter(isHere);
    const stays = visits
      .flatMap((visit) => staysOf(visit, kicks, room.grace_ms))
      .map((stay) => {
        const losses = [...lossesAfter(stay, visits), ...lossesToOthers(stay, visits, room)];
        return { ...stay, heldUntil: Math.min(stay.heldUntil, ...losses) };
      });
    const { unsettled } = history;
    return { room, visits, kicks, stays: stays.sort((a, b) => a.from - b.from), unsettled };
  });
}

/** One for each stretch between doubts. */
function staysOf(visit: Visit, kicks: readonly Kick[], grace_ms: number): Stay[] {
  const { user, asked_at: askedAt, welcome_at, sure_until, doubts } = visit;
  if (welcome_at === null) return [];
  const until = sure_until ?? askedAt;
  // Who asks to be let in while a kick is under way may be let in before it or after it.
  const kicked = kicks
    .filter((kick) => kick.user === user && askedAt <= (kick.answered_at ?? Infinity))
    .map((kick) => kick.asked_at);
  const cut = Math.min(Infinity, ...kicked);
  const [openUntil, heldUntil] = [Math.min(until, cut), Math.min(until + grace_ms, cut)];
  const stays: Stay[] = [];
  let begun = { askedAt, from: welcome_at };
  for (const doubt of doubts) {
    const before = {
      openUntil: Math.min(openUntil, doubt.from),
      heldUntil: Math.min(heldUntil, doubt.from),
    };
    if (doubt.from > begun.from) stays.push({ user, ...begun, ...before });
    const sureAgain = Math.max(begun.from, doubt.to ?? Infinity);
    begun = { askedAt: sureAgain, from: sureAgain };
  }
  if (doubts.length === 0 || begun.from < heldUntil) stays.push({ user, ...begun, openUntil, heldUntil });
  return stays;
}

/** When the seat that a stay had left in grace may have been lost, at the earliest, with another connection of its user. */
function lossesAfter({ user, openUntil }: Stay, visits: readonly Visit[]): number[] {
  return visits
    .filter((visit) => visit.user === user && visit.doubts.length > 0)
    .flatMap(({ doubts }) => doubts.filter(({ to }) => (to ?? Infinity) >= openUntil))
    .map(({ from }) => Math.max(from, openUntil));
}

/**
 * When the seat that a stay had left in grace may have been lost to somebody else, at the earliest. The seat of a connection
 * that was in doubt may have been given away. Its node asserts it again, and in a room with a capacity whoever is connected
 * goes before whoever is in grace (`remember` in engine/room/seating.ts).
 */
function lossesToOthers(
  { user, openUntil, heldUntil }: Stay,
  visits: readonly Visit[],
  room: Room,
): number[] {
  if (room.capacity === null) return [];
  return visits
    .filter((visit) => visit.user !== user && visit.welcome_at !== null)
    .flatMap(({ doubts }) =>
      doubts.filter(({ from, to }) => from <= heldUntil && (to ?? Infinity) >= openUntil),
    )
    .map(({ from }) => Math.max(from, openUntil));
}

/**
 * When a user's seat may have become free: once for each connection, each doubt and each kick. Not for a connection whose
 * user certainly had the seat by another one when it came or went, since it is the same seat.
 */
export function possibleEnds({ room, visits, kicks, stays }: Seats, user: string): PossibleEnd[] {
  const isTheirs = (one: { readonly user: string }): boolean => one.user === user;
  const mine = stays.filter(isTheirs);
  const isHeld = (from: number, to: number): boolean =>
    mine.some((stay) => stay.from <= from && to < stay.heldUntil);
  const connections = visits.filter(isTheirs).flatMap(({ asked_at, welcome_at, sure_until }) => {
    const at = (sure_until ?? asked_at) + room.grace_ms;
    // One that was not let in may have had a seat for a moment, at any time: its client was gone before the welcome.
    const inAt = welcome_at ?? Infinity;
    const isSame = (at >= inAt && isHeld(at, at)) || isHeld(asked_at, Math.max(inAt, at));
    return isSame ? [] : [{ at, settledBy: at }];
  });
  const doubts = visits
    .filter(isTheirs)
    .flatMap((visit) =>
      visit.doubts
        .map(({ from, to }) => ({ at: from, settledBy: to ?? Infinity }))
        .filter(({ at, settledBy }) => !isHeld(at, settledBy)),
    );
  const thrown = kicks
    .filter(isTheirs)
    .map(({ asked_at, answered_at }) => ({ at: asked_at, settledBy: answered_at ?? Infinity }));
  return [...connections, ...doubts, ...thrown];
}

/** Whether a user certainly had a seat all the time from `from` to `to`. */
export function hadSeat({ stays }: Seats, user: string, from: number, to: number): boolean {
  let reach = from;
  let found = false;
  for (const stay of stays) {
    if (stay.user !== user || stay.from > reach || stay.heldUntil < reach) continue;
    reach = stay.heldUntil;
    found = true;
  }
  return found && reach >= to;
}

/**
 * When the last connection of a user was gone for everybody to see, and its seat's grace over: -Infinity for somebody
 * who never came, Infinity for somebody who is still there.
 */
export function seatOverAt(seats: Seats, user: string): number {
  const { visits, kicks } = seats;
  const ends = visits
    .filter((visit) => visit.user === user)
    .map(({ welcome_at, closed_at }) => {
      const thrown = kicks.flatMap((kick) =>
        kick.user === user && kick.answered_at !== null && (welcome_at ?? Infinity) <= kick.asked_at
          ? [kick.answered_at]
          : [],
      );
      return Math.min(graceOverAt(seats, closed_at ?? Infinity), ...thrown);
    });
  return Math.max(-Infinity, ...ends);
}

/** When the grace of a seat is over at the latest: it may begin anew while things are not settled. */
function graceOverAt({ room, unsettled }: Seats, closedAt: number): number {
  let over = closedAt + room.grace_ms;
  for (const { from, to } of unsettled) {
    const end = to ?? Infinity;
    if (from <= over + LATE_MS && end > closedAt) over = Math.max(over, end + room.grace_ms);
  }
  return over;
}

/** When what was asked for at some time has been dealt with at the latest. */
export function settledAfter({ unsettled }: Seats, time: number): number {
  let settled = time + LATE_MS;
  for (const { from, to } of unsettled)
    if (from <= settled && (to ?? Infinity) > time) settled = Math.max(settled, (to ?? Infinity) + LATE_MS);
  return settled;
}
