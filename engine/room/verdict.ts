import type { Refusal } from '../errors.js';
import { refused, type Answer, type RoomView } from '../messages/answers.js';
import type { DurableEvent } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import { evolve } from './evolve.js';
import { policyOf, type Fact, type RoomState } from './state.js';

/** What the clock and the dice say, handed in so that deciding stays pure. */
export interface Circumstances {
  /** ms since 1970. */
  readonly now: number;
  /** Fresh ids for the events this command may cause. */
  readonly newId: () => string;
  /** How many members an answer lists by name. */
  readonly presenceLimit: number;
}

/** `wait`: the answer depends on who holds a seat, and that is being asserted just now. */
export type Decision =
  | {
      readonly type: 'accepted';
      readonly facts: readonly Fact[];
      readonly state: RoomState;
      readonly answer: Answer;
    }
  | { readonly type: 'wait' };

export function accept(
  state: RoomState,
  facts: readonly Fact[],
  answer: (after: RoomState) => Answer,
): Decision {
  const after = facts.reduce(evolve, state);
  return { type: 'accepted', facts, state: after, answer: answer(after) };
}

export function refuse(state: RoomState, refusal: Refusal): Decision {
  return { type: 'accepted', facts: [], state, answer: refused(refusal) };
}

export function done(): Answer {
  return { type: 'done' };
}

/** What a client is told of the room as it stands. */
export function view(state: RoomState, about: Circumstances): RoomView {
  return {
    room_id: state.room_id,
    status: state.status === 'open' ? 'open' : 'closed',
    policy: policyOf(state),
    members: namesOf(state, about.presenceLimit),
    member_count: state.seats.size,
    head_seq: state.head_seq,
    created_at: state.created_at,
  };
}

/** In a large room each join reads some of many names, and a lazy sequence of them costs three times as much. */
function namesOf({ seats }: RoomState, most: number): string[] {
  const names: string[] = [];
  for (const name of seats.keys()) {
    if (names.length === most) break;
    names.push(name);
  }
  return names;
}

export function durable(state: RoomState, requestId: string | undefined, about: Circumstances) {
  return {
    event_id: about.newId(),
    room_id: state.room_id,
    seq: state.head_seq + 1,
    at: timestamp(about),
    ...traced(requestId),
  };
}

function traced(requestId: string | undefined): { request_id?: string } {
  return requestId === undefined ? {} : { request_id: requestId };
}

/** RFC 3339 in UTC. */
export function timestamp(about: Circumstances): string {
  if (about.now !== latest.ms) latest = { ms: about.now, text: new Date(about.now).toISOString() };
  return latest.text;
}

/** The last timestamp: writing one costs 1 µs, and many messages share a millisecond. */
let latest = { ms: NaN, text: '' };

export function roomClosed(
  state: RoomState,
  reason: 'deleted' | 'empty',
  purged: boolean,
  requestId: string | undefined,
  about: Circumstances,
): DurableEvent {
  return { type: 'room_closed', ...durable(state, requestId, about), reason, purged };
}

export function closedIfEmpty(state: RoomState, about: Circumstances): Fact[] {
  const closes =
    state.status === 'open' && state.seats.size === 0 && policyOf(state).deletion === 'when_empty';
  return closes && !state.settling ? [roomClosed(state, 'empty', false, undefined, about)] : [];
}

/** Why nobody can join or post just now, or null. */
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

export function notAMember(user: string): Refusal {
  return { code: 'not_a_member', message: `${user} holds no seat in this room` };
}

/** While one person is alone in the room, a policy may say that nothing is sent into it. */
export function alone(state: RoomState, policy: Policy): boolean {
  return !policy.deliver_alone && state.seats.size <= 1;
}
