import type { Refusal } from '../errors.js';
import type { Answer } from '../messages/answers.js';
import type { JoinCommand, KickCommand, Presence } from '../messages/commands.js';
import { accept, done, refuse, type Context, type Decision } from './decision.js';
import { evolve } from './evolve.js';
import { BY_ITSELF, durable, memberJoined, memberLeft, memberList, roomClosed, view } from './facts.js';
import {
  closedIfEmpty,
  closesWhenEmpty,
  hasRoom,
  notAMember,
  roomFull,
  shut,
  withoutMembers,
} from './rules.js';
import { placesOf, policyOf, type Fact, type RoomState } from './state.js';

export function join(state: RoomState, command: JoinCommand, ctx: Context): Decision {
  const refusal = shut(state);
  if (refusal) return refuse(state, refusal);
  // Even if the user has a seat, because a welcome lists all members.
  if (state.calling) return { type: 'wait' };
  const { user, connection_id, node_id } = command;
  const seat = state.seats.get(user);
  const places = seat === undefined ? [] : placesOf(seat);
  const isKnown = places.some((place) => place.connection_id === connection_id);
  const isSure = isKnown || ctx.lives(node_id);
  const joined = (after: RoomState): Answer => ({
    type: 'joined',
    room: view(after, ctx),
    at: ctx.at,
    members_version: after.members_version,
    home: ctx.home,
    call_id: ctx.callId,
    ...(isSure ? {} : { unsure: true }),
  });
  const woken: Fact[] = state.status === 'open' ? [] : [{ type: 'woken', at: ctx.at }];
  const room = woken.reduce(evolve, state);
  if (isKnown) return accept(state, woken, joined);
  if (seat) return accept(state, [...woken, ...connected(command, ctx)], joined);
  const { capacity } = policyOf(room);
  if (capacity !== null && !hasRoom(room)) return refuse(state, roomFull(capacity));
  const news = [memberJoined(room, user, ctx), ...connected(command, ctx)];
  return accept(state, [...woken, ...news], joined);
}

/**
 * A join may be carried out after its node is gone. Then nobody would give the seat back, so it is in grace from the
 * start.
 */
function connected({ user, connection_id, node_id }: JoinCommand, ctx: Context): Fact[] {
  const added: Fact = { type: 'connection_added', user, connection_id, node_id };
  if (ctx.lives(node_id)) return [added];
  return [added, { type: 'connection_gone', user, connection_id, since: ctx.elapsed }];
}

export function leave(state: RoomState, user: string, connectionId: string, ctx: Context): Decision {
  const fact: Fact = { type: 'connection_gone', user, connection_id: connectionId, since: ctx.elapsed };
  const after = evolve(state, fact);
  if (after === state) return accept(state, [], done);
  const atOnce = after.gone.has(user) && policyOf(after).grace_ms === 0 && !after.calling;
  return accept(state, [fact, ...departures(after, atOnce ? [user] : [], ctx)], done);
}

export function kick(state: RoomState, command: KickCommand, ctx: Context): Decision {
  const { user } = command;
  const refusal = withoutMembers(state);
  if (refusal) return refuse(state, refusal);
  if (state.calling) return { type: 'wait' };
  if (!state.seats.has(user)) return refuse(state, notAMember(user));
  const members_version = state.members_version + 1;
  const kicked: Fact = { type: 'member_kicked', ...durable(state, command, ctx), user, members_version };
  const after = evolve(state, kicked);
  return accept(state, [kicked, ...listedAgain(after, ctx), ...closedIfEmpty(after, ctx)], done);
}

/**
 * The effect of a node's list: facts, the state after them, and the connections that have lost their seats.
 */
export interface Assertion {
  readonly facts: readonly Fact[];
  readonly state: RoomState;
  readonly lost: readonly string[];
  /** Why they have lost them; null if none has. */
  readonly because: Refusal | null;
}

/**
 * Gives seats to the connections that a node lists. During a roll call a connection that is sure of its seat
 * is never turned away, because the home before this one gave it that seat.
 */
export function assertPlaces(
  state: RoomState,
  nodeId: string,
  listed: readonly Presence[],
  ctx: Context,
): Assertion {
  const facts: Fact[] = [];
  const lost: string[] = [];
  let because: Refusal | null = null;
  let after = state;
  const take = (fact: Fact): void => {
    facts.push(fact);
    after = evolve(after, fact);
  };
  for (const { user, connection_id, asked, unsure } of listed) {
    if (asked) continue;
    const refusal = shut(after);
    const { capacity } = policyOf(after);
    const mayBeFull = unsure === true || !after.calling;
    const full = !after.seats.has(user) && mayBeFull && capacity !== null && !hasRoom(after);
    if (refusal || full) {
      because = refusal ?? roomFull(capacity ?? 0);
      lost.push(connection_id);
      continue;
    }
    if (after.status !== 'open') take({ type: 'woken', at: ctx.at });
    if (!after.seats.has(user) && !after.calling) take(memberJoined(after, user, ctx));
    take({ type: 'connection_added', user, connection_id, node_id: nodeId });
    // The node is gone, and its list has come after that.
    if (!ctx.lives(nodeId)) take({ type: 'connection_gone', user, connection_id, since: ctx.elapsed });
  }
  return { facts, state: after, lost, because };
}

/**
 * The node's connections that have gone: the room knows them, and its whole list names them neither seated
 * nor asked.
 */
export function missingFrom(
  listed: readonly Presence[],
  nodeId: string,
  state: RoomState,
  ctx: Context,
): Fact[] {
  const ids = new Set(listed.map(({ connection_id }) => connection_id));
  const facts: Fact[] = [];
  for (const [user, seat] of state.seats) {
    for (const { node_id, connection_id } of placesOf(seat)) {
      if (node_id === nodeId && !ids.has(connection_id))
        facts.push({ type: 'connection_gone', user, connection_id, since: ctx.elapsed });
    }
  }
  return facts;
}

/**
 * Members that clients were told of, whom nobody has asserted: they keep their seats for the time of grace,
 * from now. Those who were asserted come first, so there may be no seat left for all.
 */
export function remember(users: Iterable<string>, state: RoomState, ctx: Context): Fact[] {
  if (state.status !== 'open' && state.status !== 'absent') return [];
  const facts: Fact[] = [];
  const { capacity } = policyOf(state);
  let free = capacity === null ? Infinity : capacity - state.seats.size;
  for (const user of users) {
    const seat = state.seats.get(user);
    if (seat ? placesOf(seat).length > 0 : free-- <= 0) continue;
    facts.push({ type: 'member_remembered', user, since: ctx.elapsed });
  }
  return facts;
}

/** More changes than an earlier home can have told of that no audience has heard of yet: they are on their way. */
const UNDER_WAY = 1_000;

/**
 * Every node has answered, so the room knows its members now and sends everybody the list. `newest`: the version of the
 * newest list that any audience has.
 */
export function completeRoll(state: RoomState, newest: number, ctx: Context): readonly Fact[] {
  const vacant = state.vacant_since === 'unknown' && state.seats.size === 0 && closesWhenEmpty(state);
  const completed: Fact = {
    type: 'roll_completed',
    vacant_since: vacant ? ctx.elapsed : null,
    members_version: Math.max(state.members_version, newest) + UNDER_WAY,
  };
  return [completed, ...memberList(evolve(state, completed), ctx)];
}

/** Frees the seats whose time of grace is over, and closes an empty room if its policy says so. */
export function expire(state: RoomState, ctx: Context): readonly Fact[] {
  if (state.calling) return [];
  const { grace_ms } = policyOf(state);
  if (typeof state.vacant_since === 'number' && state.vacant_since + grace_ms <= ctx.elapsed)
    return [roomClosed(state, 'empty', false, BY_ITSELF, ctx)];
  if (state.gone.size === 0) return [];
  const over = state.gone.takeWhile((since) => since + grace_ms <= ctx.elapsed);
  return departures(state, [...over.keys()], ctx);
}

/** When the next seat may be freed or the vacant room closes; monotonic, ms. Null: never. */
export function nextExpiry(state: RoomState): number | null {
  if (state.calling) return null;
  if (typeof state.vacant_since === 'number') return state.vacant_since + policyOf(state).grace_ms;
  // `first` looks for it with an iterator, and after most posts nobody is in grace.
  const first = state.gone.size === 0 ? undefined : state.gone.first();
  return first === undefined ? null : first + policyOf(state).grace_ms;
}

function departures(state: RoomState, users: readonly string[], ctx: Context): Fact[] {
  if (users.length === 0) return [];
  const facts: Fact[] = [];
  let after = state;
  for (const user of users) {
    const left = memberLeft(after, user, ctx);
    after = evolve(after, left);
    facts.push(left, ...listedAgain(after, ctx));
  }
  return [...facts, ...closedIfEmpty(after, ctx)];
}

/** In a large room joins and leaves are not told. When it is no longer large, everybody is sent the list. */
function listedAgain(after: RoomState, ctx: Context): Fact[] {
  return after.seats.size === ctx.presenceLimit ? memberList(after, ctx) : [];
}
