import type { Refusal } from '../errors.js';
import type { Context } from './decision.js';
import { BY_ITSELF, roomClosed } from './facts.js';
import { policyOf, type Fact, type RoomState } from './state.js';

/** The reason for which nobody can join or post now, or null. */
export function shut(state: RoomState): Refusal | null {
  const onDemand = policyOf(state).creation === 'on_demand';
  switch (state.status) {
    case 'open':
      return null;
    case 'absent':
      return onDemand ? null : absent(state);
    case 'empty':
      return onDemand ? null : closedRefusal(state);
    case 'closed':
      return closedRefusal(state);
  }
}

/** The reason for which the room cannot have members now, or null. */
export function withoutMembers(state: RoomState): Refusal | null {
  return state.status === 'absent' ? absent(state) : shut(state);
}

export function absent(state: RoomState): Refusal {
  return {
    code: 'room_not_found',
    message: `room ${state.room_id} has not been opened: PUT /api/rooms/${state.room_id} opens it`,
  };
}

function closedRefusal(state: RoomState): Refusal {
  return {
    code: 'room_closed',
    message: `room ${state.room_id} is closed: PUT /api/rooms/${state.room_id} opens it again`,
  };
}

export function roomFull(capacity: number): Refusal {
  return {
    code: 'room_full',
    message: `all ${capacity} seats are taken; one is free again when a member has left and the time of grace is over`,
  };
}

export function notAMember(user: string): Refusal {
  return { code: 'not_a_member', message: `${user} holds no seat in this room` };
}

/** Whether a user without a seat could have one. */
export function hasRoom(state: RoomState): boolean {
  const { capacity } = policyOf(state);
  return capacity === null || state.seats.size < capacity;
}

/** While one person is alone in the room, a policy may say that nothing is sent into it. */
export function alone(state: RoomState): boolean {
  return !policyOf(state).deliver_alone && state.seats.size <= 1;
}

export function closesWhenEmpty(state: RoomState): boolean {
  return state.status === 'open' && policyOf(state).deletion === 'when_empty';
}

/** To be applied after somebody has left. No fact while a roll call may still find members. */
export function closedIfEmpty(state: RoomState, ctx: Context): Fact[] {
  const closes = closesWhenEmpty(state) && state.seats.size === 0 && !state.calling;
  return closes ? [roomClosed(state, 'empty', false, BY_ITSELF, ctx)] : [];
}
