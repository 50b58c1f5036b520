import type { Answer } from '../messages/answers.js';
import type { Refusal } from '../errors.js';
import type { JoinCommand } from '../messages/commands.js';
import type { RoomEvent } from '../messages/events.js';
import { evolve } from './evolve.js';
import { policyOf, type Fact, type RoomState } from './state.js';
import {
  accept,
  closedIfEmpty,
  done,
  durable,
  notAMember,
  refuse,
  shut,
  timestamp,
  view,
  type Circumstances,
  type Decision,
} from './verdict.js';

export function join(state: RoomState, command: JoinCommand, about: Circumstances): Decision {
  const refusal = shut(state);
  if (refusal) return refuse(state, refusal);
  const { user, connection_id } = command;
  const added: Fact = { type: 'connection_added', user, connection_id };
  const joined = (after: RoomState): Answer => ({ type: 'joined', room: view(after, about) });
  if (state.seats.has(user)) return accept(state, [added], joined);
  if (state.settling) return { type: 'wait' };
  const woken: Fact[] = state.status === 'open' ? [] : [{ type: 'woken', at: timestamp(about) }];
  const room = woken.reduce(evolve, state);
  const { capacity } = policyOf(room);
  if (capacity !== null && room.seats.size >= capacity) return refuse(state, roomFull(capacity));
  const event = memberJoined(room, user, room.seats.size + 1, about);
  return accept(state, [...woken, event, added], joined);
}

export function leave(state: RoomState, user: string, connectionId: string, about: Circumstances): Decision {
  const fact: Fact = { type: 'connection_gone', user, connection_id: connectionId, at: about.now };
  const after = evolve(state, fact);
  if (after === state) return accept(state, [], done);
  const left = after.gone.has(user) && policyOf(after).grace_ms === 0 ? [user] : [];
  return accept(state, [fact, ...departures(after, left, about)], done);
}

export function kick(
  state: RoomState,
  user: string,
  requestId: string | undefined,
  about: Circumstances,
): Decision {
  if (state.settling && !state.seats.has(user)) return { type: 'wait' };
  if (!state.seats.has(user)) return refuse(state, notAMember(user));
  const kicked: Fact = { type: 'member_kicked', ...durable(state, requestId, about), user };
  return accept(state, [kicked, ...closedIfEmpty(evolve(state, kicked), about)], done);
}

/** Those who held a seat before the room was rebuilt get it back unasked; who comes too late has to join like others. */
export function assertSeats(
  state: RoomState,
  present: readonly { readonly user: string; readonly connection_id: string }[],
  about: Circumstances,
): Decision {
  const facts: Fact[] = [];
  const lost: string[] = [];
  let after = state;
  for (const { user, connection_id } of present) {
    const capacity = policyOf(after).capacity;
    const full = capacity !== null && after.seats.size >= capacity;
    if (shut(after) || (!after.seats.has(user) && full)) {
      lost.push(connection_id);
      continue;
    }
    const news: Fact[] = [{ type: 'connection_added', user, connection_id }];
    if (after.status !== 'open') news.unshift({ type: 'woken', at: timestamp(about) });
    if (!after.seats.has(user) && !after.settling) {
      news.unshift(memberJoined(after, user, after.seats.size + 1, about));
    }
    facts.push(...news);
    after = news.reduce(evolve, after);
  }
  return accept(state, facts, () => ({ type: 'asserted', lost }));
}

/** Frees the seats whose time of grace is over; closes the room where its policy says so. */
export function expire(state: RoomState, about: Circumstances): readonly Fact[] {
  if (state.settling || state.gone.size === 0) return [];
  const { grace_ms } = policyOf(state);
  const over = state.gone.takeWhile((at) => at + grace_ms <= about.now);
  return departures(state, [...over.keys()], about);
}

/** When the next seat may be freed, ms since 1970, or null. */
export function nextExpiry(state: RoomState): number | null {
  if (state.settling || state.gone.size === 0) return null;
  const first = state.gone.first();
  return first === undefined ? null : first + policyOf(state).grace_ms;
}

function departures(state: RoomState, users: readonly string[], about: Circumstances): Fact[] {
  if (users.length === 0) return [];
  const facts: Fact[] = [];
  let after = state;
  for (const user of users) {
    const left: RoomEvent = {
      type: 'member_left',
      room_id: state.room_id,
      at: timestamp(about),
      user,
      member_count: after.seats.size - 1,
    };
    facts.push(left);
    after = evolve(after, left);
  }
  return [...facts, ...closedIfEmpty(after, about)];
}

function memberJoined(state: RoomState, user: string, count: number, about: Circumstances): RoomEvent {
  return { type: 'member_joined', room_id: state.room_id, at: timestamp(about), user, member_count: count };
}

function roomFull(capacity: number): Refusal {
  return {
    code: 'room_full',
    message: `all ${capacity} seats are taken; one is free again when a member has left and the time of grace is over`,
  };
}
