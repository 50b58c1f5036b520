import type { Answer } from '../messages/answers.js';
import type { AssertCommand, CloseCommand, Command, OpenCommand, PostCommand } from '../messages/commands.js';
import type { MessagePosted } from '../messages/events.js';
import { samePolicy, type Policy } from '../messages/policy.js';
import { accept, done, refuse, type Context, type Decision } from './decision.js';
import { evolve } from './evolve.js';
import { durable, memberList, roomClosed, view } from './facts.js';
import { absent, alone, notAMember, shut } from './rules.js';
import { assertPlaces, join, kick, leave, missingFrom } from './seating.js';
import { policyOf, type Fact, type RoomState } from './state.js';

/** What a command does to a room: the facts it causes, the state after them, and the answer. */
export function decide(state: RoomState, command: Command, ctx: Context): Decision {
  switch (command.type) {
    case 'post':
      return post(state, command, ctx);
    case 'join':
      return join(state, command, ctx);
    case 'leave':
      return leave(state, command.user, command.connection_id, ctx);
    case 'typing':
      return typing(state, command.user, ctx);
    case 'open':
      return open(state, command, ctx);
    case 'close':
      return close(state, command, ctx);
    case 'kick':
      return kick(state, command, ctx);
    case 'describe':
      return describe(state, ctx);
    case 'assert':
      return asserted(state, command, ctx);
  }
}

function post(state: RoomState, command: PostCommand, ctx: Context): Decision {
  const refusal = shut(state);
  if (refusal) return refuse(state, refusal);
  const policy = policyOf(state);
  const lacksSeat = policy.post === 'members' && (command.user === null || !state.seats.has(command.user));
  if (state.calling && (lacksSeat || !policy.deliver_alone)) return { type: 'wait' };
  if (lacksSeat) {
    return refuse(state, {
      code: 'forbidden',
      message:
        'only members may post into this room: join it first, or change its policy’s “post” to “anyone”',
    });
  }
  const message = messageOf(state, command, ctx.at);
  if (alone(state)) message.quiet = true;
  return {
    type: 'accepted',
    facts: [message],
    state: evolve(state, message),
    answer: { type: 'posted', message },
  };
}

/**
 * Two literals instead of a spread, so that V8 makes one object of a known shape (bench/NOTES.md). The room id is the state's:
 * that of a command is often a slice of a URL, which each stored event would keep in memory, 90 bytes.
 */
function messageOf(state: RoomState, command: PostCommand, at: string): MessagePosted {
  const type = 'message_posted';
  const { id: event_id, user, request_id } = command;
  const { room_id } = state;
  const seq = state.head_seq + 1;
  const text = command.text.trim();
  if (request_id === undefined) return { type, event_id, room_id, seq, at, user, text };
  return { type, event_id, room_id, seq, at, user, text, request_id };
}

function typing(state: RoomState, user: string, ctx: Context): Decision {
  if (state.calling && !state.seats.has(user)) return { type: 'wait' };
  if (!state.seats.has(user)) return refuse(state, notAMember(user));
  if (alone(state)) return accept(state, [], done);
  return accept(state, [{ type: 'typing', room_id: state.room_id, at: ctx.at, user }], done);
}

/** A node's whole list: connections of the node that it does not name have gone. */
function asserted(state: RoomState, { node_id, present }: AssertCommand, ctx: Context): Decision {
  // Sent before the roll call, it may name connections that have lost their seats meanwhile.
  if (state.calling) return { type: 'wait' };
  const gone = missingFrom(present, node_id, state, ctx);
  const {
    facts,
    lost,
    because,
    state: after,
  } = assertPlaces(gone.reduce(evolve, state), node_id, present, ctx);
  // The node's clients may have missed joins and leaves, so everybody is sent the list.
  const list = memberList(after, ctx);
  const answer: Answer = { type: 'asserted', lost, ...(because === null ? {} : { because }) };
  return { type: 'accepted', facts: [...gone, ...facts, ...list], state: after, answer };
}

function describe(state: RoomState, ctx: Context): Decision {
  if (state.status === 'absent') return refuse(state, absent(state));
  if (state.calling) return { type: 'wait' };
  return accept(state, [], () => ({ type: 'described', room: view(state, ctx) }));
}

function open(state: RoomState, command: OpenCommand, ctx: Context): Decision {
  const policy = { ...basePolicy(state), ...command.policy };
  const created = state.status !== 'open';
  const answer = (after: RoomState): Answer => ({ type: 'opened', created, room: view(after, ctx) });
  if (!created && samePolicy(policy, policyOf(state))) return accept(state, [], answer);
  const type = created ? ('room_opened' as const) : ('policy_changed' as const);
  return accept(state, [{ type, ...durable(state, command, ctx), policy }], answer);
}

function close(state: RoomState, command: CloseCommand, ctx: Context): Decision {
  const { purge } = command;
  if (state.status === 'absent') return refuse(state, absent(state));
  if (policyOf(state).deletion === 'never') {
    return refuse(state, {
      code: 'forbidden',
      message: 'this room’s policy says deletion: never; change it first',
    });
  }
  const closed: Fact[] = state.status === 'closed' ? [] : [roomClosed(state, 'deleted', purge, command, ctx)];
  // The last event stays: it says that the room is closed.
  const purged: Fact[] = purge ? [{ type: 'history_purged', before: state.head_seq + closed.length }] : [];
  return accept(state, [...closed, ...purged], done);
}

/** The fields a PUT leaves out keep their value; a room that opens anew starts from its preset. */
function basePolicy(state: RoomState): Policy {
  return state.status === 'open' ? policyOf(state) : state.preset;
}
