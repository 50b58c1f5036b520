import type { RoomView } from '../messages/answers.js';
import type { DurableEvent, RoomEvent } from '../messages/events.js';
import type { Context } from './decision.js';
import { policyOf, type RoomState } from './state.js';

/** What an event has of the command that causes it. */
export interface Cause {
  readonly id?: string;
  readonly request_id?: string;
}

/** No command, but time or another event. */
export const BY_ITSELF: Cause = {};

/** The fields of every event with a seq. The event has the command's id, so that the command is known by it. */
export function durable(state: RoomState, { id, request_id }: Cause, ctx: Context) {
  return {
    event_id: id ?? ctx.newId(),
    room_id: state.room_id,
    seq: state.head_seq + 1,
    at: ctx.at,
    ...(request_id === undefined ? {} : { request_id }),
  };
}

export function roomClosed(
  state: RoomState,
  reason: 'deleted' | 'empty',
  purged: boolean,
  cause: Cause,
  ctx: Context,
): DurableEvent {
  const members_version = state.members_version + 1;
  return { type: 'room_closed', ...durable(state, cause, ctx), reason, purged, members_version };
}

/** `state`: the one before the user has the seat. */
export function memberJoined(state: RoomState, user: string, ctx: Context): RoomEvent {
  const { room_id, seats } = state;
  const members_version = state.members_version + 1;
  return { type: 'member_joined', room_id, at: ctx.at, user, member_count: seats.size + 1, members_version };
}

/** `state`: the one before the seat is free. */
export function memberLeft(state: RoomState, user: string, ctx: Context): RoomEvent {
  const { room_id, seats } = state;
  const members_version = state.members_version + 1;
  return { type: 'member_left', room_id, at: ctx.at, user, member_count: seats.size - 1, members_version };
}

/**
 * The list of all members, for clients that may have missed single joins and leaves; no event in a large
 * room.
 */
export function memberList(state: RoomState, ctx: Context): RoomEvent[] {
  const { room_id, seats, members_version } = state;
  if (seats.size === 0 || seats.size > ctx.presenceLimit) return [];
  const members = namesOf(state, ctx.presenceLimit);
  return [{ type: 'members', room_id, at: ctx.at, members, member_count: seats.size, members_version }];
}

/** The room as clients are told of it. */
export function view(state: RoomState, ctx: Context): RoomView {
  return {
    room_id: state.room_id,
    status: state.status === 'open' ? 'open' : 'closed',
    policy: policyOf(state),
    members: namesOf(state, ctx.presenceLimit),
    member_count: state.seats.size,
    head_seq: state.head_seq,
    created_at: state.created_at,
  };
}

/** The first `most` names. */
function namesOf({ seats }: RoomState, most: number): string[] {
  const names: string[] = [];
  for (const name of seats.keys()) {
    if (names.length === most) break;
    names.push(name);
  }
  return names;
}
