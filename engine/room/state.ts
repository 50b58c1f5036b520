import { Map as ImmutableMap, OrderedMap } from 'immutable';
import type { RoomEvent } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import type { RoomRecord } from '../ports.js';

/** A user's place in a room, by the ids of its connections. They may come and go; without any it is kept for `grace_ms`. */
export type Seat = readonly string[];

/** All that a room knows. Plain immutable data: seats are a persistent map, so that a join in a room of 18,000 copies a few nodes. */
export interface RoomState {
  readonly room_id: string;
  /** absent: never opened. empty: closed by itself when everybody had left. */
  readonly status: 'absent' | 'open' | 'closed' | 'empty';
  readonly head_seq: number;
  /** What holds where the room has no policy of its own. */
  readonly preset: Policy;
  readonly own_policy: Policy | null;
  readonly created_at: string;
  readonly seats: ImmutableMap<string, Seat>;
  /** Users with a seat and no connection, and since when (ms since 1970), the longest gone first. */
  readonly gone: OrderedMap<string, number>;
  /** After a crash or a move: seats are being asserted by those who held them, and new ones have to wait. */
  readonly settling: boolean;
}

/** Facts that only the room itself needs: neither stored nor sent. */
export type PrivateFact =
  | { readonly type: 'woken'; readonly at: string }
  | { readonly type: 'connection_added'; readonly user: string; readonly connection_id: string }
  | {
      readonly type: 'connection_gone';
      readonly user: string;
      readonly connection_id: string;
      readonly at: number;
    }
  /** Events with a smaller seq are forgotten. */
  | { readonly type: 'history_purged'; readonly before: number }
  | { readonly type: 'settled' };

export type Fact = RoomEvent | PrivateFact;

/** What is known of a room that is rebuilt, beside what the store remembers. */
export interface Rebuilt {
  /** Those who held a seat before: each keeps it for the time of grace, or longer if it asserts it. */
  readonly seated: Iterable<string>;
  /** ms since 1970. */
  readonly now: number;
}

/**
 * A room as the store remembers it. Seats are not stored: a room that is rebuilt begins `settling`, while the
 * connections assert theirs.
 */
export function wake(
  roomId: string,
  preset: Policy,
  record: RoomRecord | null,
  rebuilt: Rebuilt | null,
): RoomState {
  const status = record?.status ?? 'absent';
  const seated = rebuilt && (status === 'open' || status === 'absent') ? [...rebuilt.seated] : [];
  return {
    room_id: roomId,
    status,
    head_seq: record?.head_seq ?? 0,
    preset,
    own_policy: record?.policy ?? null,
    created_at: record?.created_at ?? '',
    seats: ImmutableMap(seated.map((user) => [user, []])),
    gone: OrderedMap(seated.map((user) => [user, rebuilt?.now ?? 0])),
    settling: rebuilt !== null,
  };
}

export function policyOf(state: RoomState): Policy {
  return state.own_policy ?? state.preset;
}

/** What the store has to remember of this state. */
export function recordOf(state: RoomState): RoomRecord {
  return {
    room_id: state.room_id,
    head_seq: state.head_seq,
    status: state.status === 'absent' ? 'open' : state.status,
    policy: state.own_policy,
    created_at: state.created_at,
  };
}

export function isPrivate(fact: Fact): fact is PrivateFact {
  switch (fact.type) {
    case 'woken':
    case 'connection_added':
    case 'connection_gone':
    case 'history_purged':
    case 'settled':
      return true;
    default:
      return false;
  }
}
