import type { Span, Visit } from '../../checker/history.js';
import type { VisitBook } from '../support/visits.js';
import type { Outage } from './outages.js';

/**
 * Others may take a node for gone so long after it is cut off, ms: from the first to the last of their four beats without
 * a word of it there are three times 400 ms, and its last word may be a beat old then. Both more or less on a busy machine.
 */
const LEASE_MS = { least: 600, most: 2_000 };
/** A node that is heard again so shortly before its seats are free may be too late to assert them, ms. */
const SHORTLY_MS = 1_000;
/** After so long without any outage everybody has been told whose seat is whose, ms. */
const QUIET_MS = 15_000;
/** Rooms into which only members may post. */
const MEMBERS_POST = 'direct:';

interface World {
  readonly visits: VisitBook;
  readonly outages: readonly Outage[];
  readonly graceMs: number;
}

/**
 * Writes down when the seat of each connection may have been lost (docs/operations.md, "A node that dies"):
 *
 * - a node that is not heard for the time of a lease is gone, and its seats are free after their grace;
 * - at once, where a new home has been told of them by nobody: that is certain only of those whom a client believes to be
 *   members who is connected to a node that is heard all the time;
 * - the same holds of a seat in grace, if homes may have changed.
 *
 * A doubt is over when the user has posted something new where only members may, or when nothing has happened for long.
 */
export function markDoubts(world: World): void {
  const byRoom = new Map<string, Visit[]>();
  for (const visit of world.visits.visits) {
    if (visit.welcome_at === null) continue;
    const list = byRoom.get(visit.room_id);
    if (list) list.push(visit);
    else byRoom.set(visit.room_id, [visit]);
  }
  for (const inRoom of byRoom.values())
    for (const visit of inRoom) visit.doubts = doubtsOf(visit, inRoom, world);
}

function doubtsOf(visit: Visit, inRoom: readonly Visit[], world: World): Span[] {
  const { outages, visits, graceMs } = world;
  const open = { from: visit.welcome_at ?? 0, to: visit.closed_at ?? Infinity };
  const log = visits.logs.get(visit);
  const node = log?.door ?? null;
  const doubts = outages
    .filter((one) => isOf(one, node) && overlap(one, open) && one.to - one.from >= LEASE_MS.least)
    .flatMap(({ from, to }) => {
      const known = isBelieved(visit, inRoom, world, { from, to: from + LEASE_MS.most + graceMs });
      const lostAt = from + LEASE_MS.least + (known ? graceMs : 0);
      const posts = visit.room_id.startsWith(MEMBERS_POST) ? log?.posted : undefined;
      const sureFrom = posts?.find(({ sentAt }) => sentAt > to)?.at ?? quietFrom(to, outages);
      return known && to + SHORTLY_MS < lostAt ? [] : [{ from: lostAt, to: sureFrom }];
    });
  const until = visit.sure_until ?? visit.asked_at;
  const grace = { from: until, to: until + graceMs };
  if (outages.some((one) => overlap(one, grace)) && !isBelieved(visit, inRoom, world, grace))
    doubts.push({ from: until, to: null });
  return merged(doubts);
}

/** Whether somebody on a node that was heard all of this time has the user on its list of members. */
function isBelieved(of: Visit, inRoom: readonly Visit[], { visits, outages }: World, time: Period): boolean {
  return inRoom.some((visit) => {
    const isThere = (visit.welcome_at ?? Infinity) < time.from && (visit.sure_until ?? 0) > time.to;
    if (visit.user === of.user || !isThere || !lists(visit, of.user, time.from)) return false;
    const node = visits.logs.get(visit)?.door ?? null;
    return !outages.some((one) => isOf(one, node) && overlap(one, time));
  });
}

/** Whether a client was told by then that this user is a member. */
function lists({ told }: Visit, user: string, by: number): boolean {
  let isListed = false;
  for (const { at, type, users } of told) {
    if (at > by) break;
    if (type === 'welcome' || type === 'members') isListed = users.includes(user);
    else if (users.includes(user)) isListed = type === 'joined';
  }
  return isListed;
}

/** From when on, after `time`, everything has been well for long enough; null: not any more. */
function quietFrom(time: number, outages: readonly Outage[]): number | null {
  let quiet = time + QUIET_MS;
  for (const one of [...outages].sort((a, b) => a.from - b.from))
    if (one.from < quiet && one.to > time) quiet = Math.max(quiet, one.to + QUIET_MS);
  return quiet === Infinity ? null : quiet;
}

interface Period {
  readonly from: number;
  readonly to: number;
}

function isOf(outage: Outage, node: string | null): boolean {
  return outage.node === null || outage.node === node;
}

function overlap(a: Period, b: Period): boolean {
  return a.from < b.to && b.from < a.to;
}

function merged(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last && (last.to === null || from <= last.to))
      last.to = last.to === null || to === null ? null : Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}
