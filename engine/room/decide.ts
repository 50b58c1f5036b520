import type { Answer } from '../messages/answers.js';
import type { Command, PostCommand } from '../messages/commands.js';
import type { MessagePosted } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import { evolve } from './evolve.js';
import { assertSeats, join, kick, leave } from './seating.js';
import { policyOf, type Fact, type RoomState } from './state.js';
import {
  absent,
  accept,
  alone,
  done,
  durable,
  notAMember,
  refuse,
  roomClosed,
  shut,
  timestamp,
  view,
  type Circumstances,
  type Decision,
} from './verdict.js';

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
  const message = messageOf(state, command, timestamp(about));
  if (alone(state, policy)) message.quiet = true;
  return {
    type: 'accepted',
    facts: [message],
    state: evolve(state, message),
    answer: { type: 'posted', message },
  };
}

/** Two literals and no spread: a post makes one object of one shape. */
function messageOf(state: RoomState, command: PostCommand, at: string): MessagePosted {
  const type = 'message_posted';
  const { id: event_id, room_id, user, request_id } = command;
  const seq = state.head_seq + 1;
  const text = command.text.trim();
  if (request_id === undefined) return { type, event_id, room_id, seq, at, user, text };
  return { type, event_id, room_id, seq, at, user, text, request_id };
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
  const closed: Fact[] =
    state.status === 'closed' ? [] : [roomClosed(state, 'deleted', purge, requestId, about)];
  // The last event stays: it says that the room is closed.
  const purged: Fact[] = purge ? [{ type: 'history_purged', before: state.head_seq + closed.length }] : [];
  return accept(state, [...closed, ...purged], done);
}

/** The fields a PUT leaves out keep their value; a room that opens anew starts from its preset. */
function basePolicy(state: RoomState): Policy {
  return state.status === 'open' ? policyOf(state) : state.preset;
}

function samePolicy(a: Policy, b: Policy): boolean {
  const fields = Object.keys(a) as (keyof Policy)[];
  return fields.every((field) => field === 'retention' || a[field] === b[field]) && sameRetention(a, b);
}

function sameRetention({ retention: a }: Policy, { retention: b }: Policy): boolean {
  if (a === null || b === null) return a === b;
  return a.max_messages === b.max_messages && a.max_age_s === b.max_age_s;
}
