import { Map as ImmutableMap, OrderedMap } from 'immutable';
import type { RoomEvent } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import type { RoomRecord } from '../ports.js';

/** A connection that holds a seat, and the node that its socket is on. */
export interface Place {
  readonly node_id: string;
  readonly connection_id: string;
}

/** A user's place in a room: its connections. They may come and go; without any the seat is kept for `grace_ms`. */
export type Seat = readonly Place[];

/**
 * All that a room knows. Plain immutable data: seats are a persistent map, so that a join in a room of 18,000 copies a
 * few nodes of it. Times are monotonic, ms, of the home's own clock.
 */
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
  /** Users with a seat and no connection, and since when, the longest gone first. */
  readonly gone: OrderedMap<string, number>;
  /** A roll call is under way: there may be members that the room does not know of yet. */
  readonly calling: boolean;
  /**
   * Since when nobody was found in a room that was open when it was woken, and so may have had members; `unknown` until
   * the roll call is over; null: not so, or somebody came or opened it since.
   */
  readonly vacant_since: number | 'unknown' | null;
}

/** Facts that only the room itself needs: neither stored nor sent. */
export type PrivateFact =
  | { readonly type: 'woken'; readonly at: string }
  | ({ readonly type: 'connection_added'; readonly user: string } & Place)
  | {
      readonly type: 'connection_gone';
      readonly user: string;
      readonly connection_id: string;
      readonly since: number;
    }
  /** All connections of a node are gone. */
  | { readonly type: 'node_gone'; readonly node_id: string; readonly since: number }
  /** Somebody was a member before the room was rebuilt, and may come back. */
  | { readonly type: 'member_remembered'; readonly user: string; readonly since: number }
  | { readonly type: 'roll_completed'; readonly vacant_since: number | null }
  /** Events with a smaller seq are forgotten. */
  | { readonly type: 'history_purged'; readonly before: number };

export type Fact = RoomEvent | PrivateFact;

/** A room as the store remembers it. Seats are not stored: `calling` says that they are being asked for. */
export function wake(roomId: string, preset: Policy, record: RoomRecord | null, calling: boolean): RoomState {
  const status = record?.status ?? 'absent';
  return {
    room_id: roomId,
    status,
    head_seq: record?.head_seq ?? 0,
    preset,
    own_policy: ownPolicy(preset, record),
    created_at: record?.created_at ?? '',
    seats: ImmutableMap(),
    gone: OrderedMap(),
    calling,
    vacant_since: calling && status === 'open' ? 'unknown' : null,
  };
}

/** A room's own policy as the store has it. If it was stored before a field existed, that field is the preset's. */
export function ownPolicy(preset: Policy, record: RoomRecord | null): Policy | null {
  if (record === null || record.policy === null) return null;
  const policy = { ...preset, ...record.policy };
  return record.status === 'empty' ? ownPolicyWhenEmpty(preset, policy) : policy;
}

/** A room that closed itself opens with its preset; of its own policy only who may open it holds until then. */
export function ownPolicyWhenEmpty(preset: Policy, own: Policy | null): Policy | null {
  return own && { ...preset, creation: own.creation };
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
    case 'node_gone':
    case 'member_remembered':
    case 'roll_completed':
    case 'history_purged':
      return true;
    default:
      return false;
  }
}
