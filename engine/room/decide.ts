import { refused, type Answer, type RoomView } from '../messages/answers.js';
import type { Command, JoinCommand, PostCommand } from '../messages/commands.js';
import type { DurableEvent, RoomEvent } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import type { Refusal } from '../errors.js';
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

/**
 * What a command does to a room: the facts it causes, the state after them, and the answer. A refusal is an
 * answer without facts.
 */
export function decide(state: RoomState, command: Command, about: Circumstances): Decision {
  switch (command.type) {
    case 'post':
      return post(state, command, about);
    case 'join':
      return join(state, command, about);
    case 'leave':
      return leave(state, command.user, command.connection_id, about);
    case 'typing':
      return typing(state, command.user, about);
    case 'open':
      return open(state, { ...basePolicy(state), ...command.policy }, command.request_id, about);
    case 'close':
      return close(state, command.purge, command.request_id, about);
    case 'kick':
      return kick(state, command.user, command.request_id, about);
    case 'describe':
      if (state.status === 'absent') return refuse(state, absent(state));
      return accept(state, [], () => ({ type: 'described', room: view(state, about) }));
    case 'assert':
      return assertSeats(state, command.present, about);
  }
}

/** Frees the seats whose time of grace is over; closes the room where its policy says so. */
export function expire(state: RoomState, about: Circumstances): readonly Fact[] {
  if (state.settling) return [];
  const { grace_ms } = policyOf(state);
  const over = state.gone.takeWhile((at) => at + grace_ms <= about.now);
  return departures(state, [...over.keys()], about);
}

/** When the next seat may be freed, ms since 1970, or null. */
export function nextExpiry(state: RoomState): number | null {
  if (state.settling) return null;
  const first = state.gone.first();
  return first === undefined ? null : first + policyOf(state).grace_ms;
}

/** What a client is told of the room as it stands. */
export function view(state: RoomState, about: Circumstances): RoomView {
  return {
    room_id: state.room_id,
    status: state.status === 'open' ? 'open' : 'closed',
    policy: policyOf(state),
    members: [...state.seats.keySeq().take(about.presenceLimit)],
    member_count: state.seats.size,
    head_seq: state.head_seq,
    created_at: state.created_at,
  };
}

function post(state: RoomState, command: PostCommand, about: Circumstances): Decision {
  const refusal = shut(state);
  if (refusal) return refuse(state, refusal);
  const policy = policyOf(state);
  if (state.settling && (policy.post === 'members' || !policy.deliver_alone)) return { type: 'wait' };
  if (policy.post === 'members' && !(command.user !== null && state.seats.has(command.user))) {
    return refuse(state, {
      code: 'forbidden',
      message:
        'only members may post into this room: join it first, or change its policy’s “post” to “anyone”',
    });
  }
  const message = {
    type: 'message_posted' as const,
    event_id: command.id,
    room_id: state.room_id,
    seq: state.head_seq + 1,
    at: timestamp(about),
    ...traced(command.request_id),
    user: command.user,
    text: command.text.trim(),
    ...(alone(state, policy) ? { quiet: true } : {}),
  };
  return accept(state, [message], () => ({ type: 'posted', message }));
}

function join(state: RoomState, command: JoinCommand, about: Circumstances): Decision {
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

function leave(state: RoomState, user: string, connectionId: string, about: Circumstances): Decision {
  const fact: Fact = { type: 'connection_gone', user, connection_id: connectionId, at: about.now };
  const after = evolve(state, fact);
  if (after === state) return accept(state, [], done);
  const left = after.gone.has(user) && policyOf(after).grace_ms === 0 ? [user] : [];
  return accept(state, [fact, ...departures(after, left, about)], done);
}

function typing(state: RoomState, user: string, about: Circumstances): Decision {
  if (state.settling && !state.seats.has(user)) return { type: 'wait' };
  if (!state.seats.has(user)) return refuse(state, notAMember(user));
  if (alone(state, policyOf(state))) return accept(state, [], done);
  return accept(state, [{ type: 'typing', room_id: state.room_id, at: timestamp(about), user }], done);
}

function open(
  state: RoomState,
  policy: Policy,
  requestId: string | undefined,
  about: Circumstances,
): Decision {
  const created = state.status !== 'open';
  const answer = (after: RoomState): Answer => ({ type: 'opened', created, room: view(after, about) });
  if (!created && samePolicy(policy, policyOf(state))) return accept(state, [], answer);
  const type = created ? ('room_opened' as const) : ('policy_changed' as const);
  return accept(state, [{ type, ...durable(state, requestId, about), policy }], answer);
}

function close(
  state: RoomState,
  purge: boolean,
  requestId: string | undefined,
  about: Circumstances,
): Decision {
  if (state.status === 'absent') return refuse(state, absent(state));
  if (policyOf(state).deletion === 'never') {
    return refuse(state, {
      code: 'forbidden',
      message: 'this room’s policy says deletion: never; change it first',
    });
  }
  const purged: Fact[] = purge ? [{ type: 'history_purged' }] : [];
  if (state.status === 'closed') return accept(state, purged, done);
  return accept(state, [roomClosed(state, 'deleted', purge, requestId, about), ...purged], done);
}

function kick(state: RoomState, user: string, requestId: string | undefined, about: Circumstances): Decision {
  if (state.settling && !state.seats.has(user)) return { type: 'wait' };
  if (!state.seats.has(user)) return refuse(state, notAMember(user));
  const kicked: Fact = { type: 'member_kicked', ...durable(state, requestId, about), user };
  return accept(state, [kicked, ...closedIfEmpty(evolve(state, kicked), about)], done);
}

/** Those who held a seat before the room was rebuilt get it back unasked; who comes too late has to join like others. */
function assertSeats(
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

function closedIfEmpty(state: RoomState, about: Circumstances): Fact[] {
  const closes =
    state.status === 'open' && state.seats.size === 0 && policyOf(state).deletion === 'when_empty';
  return closes && !state.settling ? [roomClosed(state, 'empty', false, undefined, about)] : [];
}

function memberJoined(state: RoomState, user: string, count: number, about: Circumstances): RoomEvent {
  return { type: 'member_joined', room_id: state.room_id, at: timestamp(about), user, member_count: count };
}

function roomClosed(
  state: RoomState,
  reason: 'deleted' | 'empty',
  purged: boolean,
  requestId: string | undefined,
  about: Circumstances,
): DurableEvent {
  return { type: 'room_closed', ...durable(state, requestId, about), reason, purged };
}

function durable(state: RoomState, requestId: string | undefined, about: Circumstances) {
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

/** Why nobody can join or post just now, or null. */
function shut(state: RoomState): Refusal | null {
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

function absent(state: RoomState): Refusal {
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

function roomFull(capacity: number): Refusal {
  return {
    code: 'room_full',
    message: `all ${capacity} seats are taken; one is free again when a member has left and the time of grace is over`,
  };
}

function notAMember(user: string): Refusal {
  return { code: 'not_a_member', message: `${user} holds no seat in this room` };
}

/** While one person is alone in the room, a policy may say that nothing is sent into it. */
function alone(state: RoomState, policy: Policy): boolean {
  return !policy.deliver_alone && state.seats.size <= 1;
}

/** The fields a PUT leaves out keep their value; a room that opens anew starts from its preset. */
function basePolicy(state: RoomState): Policy {
  return state.status === 'open' ? policyOf(state) : state.preset;
}

function samePolicy(a: Policy, b: Policy): boolean {
  return (Object.keys(a) as (keyof Policy)[]).every((field) => a[field] === b[field]);
}

/** RFC 3339 in UTC. */
function timestamp(about: Circumstances): string {
  return new Date(about.now).toISOString();
}

function done(): Answer {
  return { type: 'done' };
}

function refuse(state: RoomState, refusal: Refusal): Decision {
  return { type: 'accepted', facts: [], state, answer: refused(refusal) };
}

function accept(state: RoomState, facts: readonly Fact[], answer: (after: RoomState) => Answer): Decision {
  const after = facts.reduce(evolve, state);
  return { type: 'accepted', facts, state: after, answer: answer(after) };
}
