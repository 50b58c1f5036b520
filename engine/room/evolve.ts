import type { Fact, RoomState } from './state.js';

/** The state after a fact. Total and pure: a fact is never refused. */
export function evolve(state: RoomState, fact: Fact): RoomState {
  switch (fact.type) {
    case 'message_posted':
      return at(opened(state, fact.at), fact.seq);
    case 'room_opened':
      return { ...opened(state, fact.at), head_seq: fact.seq, own_policy: fact.policy };
    case 'policy_changed':
      return { ...state, head_seq: fact.seq, own_policy: fact.policy };
    case 'member_kicked':
      return { ...freed(state, fact.user), head_seq: fact.seq };
    case 'room_closed':
      return {
        ...state,
        head_seq: fact.seq,
        status: fact.reason === 'empty' ? 'empty' : 'closed',
        seats: state.seats.clear(),
        gone: state.gone.clear(),
      };
    case 'woken':
      return opened(state, fact.at);
    case 'member_left':
      return freed(state, fact.user);
    case 'connection_added':
      return added(state, fact.user, fact.connection_id);
    case 'connection_gone':
      return gone(state, fact.user, fact.connection_id, fact.at);
    case 'settled':
      return { ...state, settling: false };
    case 'member_joined':
    case 'typing':
    case 'roll_call':
    case 'history_purged':
      return state;
  }
}

/** The same room at another seq. Field by field, for each post makes a state, and a spread costs V8 several times as much. */
function at(state: RoomState, head_seq: number): RoomState {
  const { room_id, status, preset, own_policy, created_at, seats, gone, settling } = state;
  return { room_id, status, head_seq, preset, own_policy, created_at, seats, gone, settling };
}

/** A room that opens anew after it was empty begins with its preset again. */
function opened(state: RoomState, at: string): RoomState {
  if (state.status === 'open') return state;
  return {
    ...state,
    status: 'open',
    own_policy: null,
    created_at: state.status === 'absent' ? at : state.created_at,
  };
}

function freed(state: RoomState, user: string): RoomState {
  return { ...state, seats: state.seats.delete(user), gone: state.gone.delete(user) };
}

function added(state: RoomState, user: string, connectionId: string): RoomState {
  const seat = state.seats.get(user) ?? [];
  if (seat.includes(connectionId)) return state;
  return { ...state, seats: state.seats.set(user, [...seat, connectionId]), gone: state.gone.delete(user) };
}

function gone(state: RoomState, user: string, connectionId: string, at: number): RoomState {
  const seat = state.seats.get(user);
  if (!seat?.includes(connectionId)) return state;
  const left = seat.filter((id) => id !== connectionId);
  const seats = state.seats.set(user, left);
  return left.length > 0 ? { ...state, seats } : { ...state, seats, gone: state.gone.set(user, at) };
}
