import {
  NO_SEATS,
  ownPolicyWhenEmpty,
  placesOf,
  seatOf,
  type Fact,
  type Place,
  type RoomState,
} from './state.js';

/** The state after a fact. Total and pure: a fact is never refused. */
export function evolve(state: RoomState, fact: Fact): RoomState {
  switch (fact.type) {
    case 'message_posted':
      return withHead(opened(state, fact.at), fact.seq);
    case 'room_opened':
      return { ...opened(state, fact.at), head_seq: fact.seq, own_policy: fact.policy, vacant_since: null };
    case 'policy_changed':
      return { ...state, head_seq: fact.seq, own_policy: fact.policy, vacant_since: null };
    case 'member_kicked':
      return { ...changed(freed(state, fact.user), fact), head_seq: fact.seq };
    case 'room_closed':
      return changed(closed(state, fact.seq, fact.reason === 'empty'), fact);
    case 'woken':
      return opened(state, fact.at);
    case 'member_left':
      return changed(freed(state, fact.user), fact);
    case 'connection_added':
      return added(state, fact.user, { node_id: fact.node_id, connection_id: fact.connection_id });
    case 'connection_gone':
      return without(state, fact.user, fact.since, (place) => place.connection_id !== fact.connection_id);
    case 'node_gone':
      return nodeGone(state, fact.node_id, fact.since);
    case 'member_remembered':
      return remembered(state, fact.user, fact.since);
    case 'roll_completed':
      return changed({ ...state, calling: false, vacant_since: fact.vacant_since }, fact);
    case 'member_joined':
      return changed(state, fact);
    case 'members':
    case 'typing':
    case 'history_purged':
      return state;
  }
}

/**
 * The same room at another seq. It copies field by field, because each post makes a new state and a spread
 * takes about 1 µs more (bench/NOTES.md).
 */
function withHead(state: RoomState, head_seq: number): RoomState {
  const { room_id, status, preset, own_policy, created_at, seats, gone, calling, vacant_since } = state;
  const { members_version } = state;
  return {
    room_id,
    status,
    head_seq,
    preset,
    own_policy,
    created_at,
    seats,
    gone,
    calling,
    vacant_since,
    members_version,
  };
}

function changed(state: RoomState, { members_version }: { readonly members_version?: number }): RoomState {
  return members_version === undefined ? state : { ...state, members_version };
}

function opened(state: RoomState, at: string): RoomState {
  if (state.status === 'open') return state;
  return {
    ...state,
    status: 'open',
    own_policy: null,
    created_at: state.status === 'absent' ? at : state.created_at,
  };
}

function closed(state: RoomState, head_seq: number, byItself: boolean): RoomState {
  return {
    ...state,
    head_seq,
    status: byItself ? 'empty' : 'closed',
    own_policy: byItself ? ownPolicyWhenEmpty(state.preset, state.own_policy) : state.own_policy,
    seats: NO_SEATS,
    gone: state.gone.clear(),
    vacant_since: null,
  };
}

function freed(state: RoomState, user: string): RoomState {
  const seats = state.seats.delete(user);
  // During a roll call more members may be found, so whether the room is vacant is known when it is over.
  const vacant_since = state.calling && seats.size === 0 ? 'unknown' : state.vacant_since;
  return { ...state, seats, gone: state.gone.delete(user), vacant_since };
}

const NOWHERE: readonly Place[] = [];

function added(state: RoomState, user: string, place: Place): RoomState {
  const places = placesOf(state.seats.get(user) ?? NOWHERE);
  if (places.some(({ connection_id }) => connection_id === place.connection_id)) return state;
  return {
    ...state,
    seats: state.seats.set(user, seatOf(places.concat(place))),
    gone: state.gone.delete(user),
    vacant_since: null,
  };
}

function without(state: RoomState, user: string, since: number, stays: (place: Place) => boolean): RoomState {
  const seat = state.seats.get(user);
  if (!seat) return state;
  const places = placesOf(seat);
  const left = places.filter(stays);
  if (left.length === places.length) return state;
  const seats = state.seats.set(user, seatOf(left));
  return left.length > 0 ? { ...state, seats } : { ...state, seats, gone: state.gone.set(user, since) };
}

function nodeGone(state: RoomState, nodeId: string, since: number): RoomState {
  let after = state;
  for (const [user, seat] of state.seats) {
    if (placesOf(seat).some(({ node_id }) => node_id === nodeId)) {
      after = without(after, user, since, ({ node_id }) => node_id !== nodeId);
    }
  }
  return after;
}

function remembered(state: RoomState, user: string, since: number): RoomState {
  const seat = state.seats.get(user);
  if (seat && placesOf(seat).length > 0) return state;
  return {
    ...state,
    seats: seat ? state.seats : state.seats.set(user, NOWHERE),
    gone: state.gone.delete(user).set(user, since),
    vacant_since: null,
  };
}
