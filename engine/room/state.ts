import { OrderedMap } from 'immutable';
import type { RoomEvent } from '../messages/events.js';
import type { Policy } from '../messages/policy.js';
import type { RoomRecord } from '../ports.js';
import { SortedMap } from './sorted-map.js';

/** A connection that holds a seat, and the node that its socket is on. */
export interface Place {
  readonly node_id: string;
  readonly connection_id: string;
}

/**
 * The connections of a user with a seat, to be read with `placesOf`. Without any, the seat is kept for `grace_ms`. One alone
 * stands here by itself: nearly all users have one, and a list of it takes 56 bytes.
 */
export type Seat = Place | readonly Place[];

export function placesOf(seat: Seat): readonly Place[] {
  return 'connection_id' in seat ? [seat] : seat;
}

export function seatOf(places: readonly Place[]): Seat {
  const [one] = places;
  return one !== undefined && places.length === 1 ? one : places;
}

/** By user. */
export type Seats = SortedMap<Seat>;
export const NO_SEATS: Seats = new SortedMap();

/**
 * All that a room knows, as immutable data. Seats are a persistent map, so a join into a room of 18,000
 * copies only a part of it. Times are monotonic, in ms, of the home's own clock.
 */
export interface RoomState {
  readonly room_id: string;
  /** absent: never opened. closed: by DELETE. empty: closed by itself when everybody had left. */
  readonly status: 'absent' | 'open' | 'closed' | 'empty';
  readonly head_seq: number;
  /** The policy that holds while the room has none of its own. */
  readonly preset: Policy;
  readonly own_policy: Policy | null;
  readonly created_at: string;
  readonly seats: Seats;
  /** Users in grace, with a seat but no connection, and since when; the longest gone first. */
  readonly gone: OrderedMap<string, number>;
  /** A roll call is under way: there may be members that the room does not know of yet. */
  readonly calling: boolean;
  /**
   * The room was open when it was woken, so it may have had members; since when it is known that none is
   * there. Closing when empty depends on it. `unknown`: a roll call is under way; null: somebody is there,
   * has come or has opened it.
   */
  readonly vacant_since: number | 'unknown' | null;
  /**
   * Grows by one with each change of who is a member, as clients are told of it. A new home goes on with a greater one than
   * any audience has told it of, so the newer of two lists is the one with the greater version.
   */
  readonly members_version: number;
}

/** Facts that only the room itself needs. They are neither stored nor sent. */
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
  /** The user was a member before the room was rebuilt, and has a seat in grace. */
  | { readonly type: 'member_remembered'; readonly user: string; readonly since: number }
  | {
      readonly type: 'roll_completed';
      readonly vacant_since: number | null;
      readonly members_version: number;
    }
  /** Events with a smaller seq are forgotten. */
  | { readonly type: 'history_purged'; readonly before: number };

export type Fact = RoomEvent | PrivateFact;

/**
 * The state of a room from its record. Seats are not stored; `calling`: a roll call is going to ask for them.
 */
export function wake(
  roomId: string,
  preset: Policy,
  record: RoomRecord | null,
  calling: boolean,
  membersVersion: number,
): RoomState {
  const status = record?.status ?? 'absent';
  return {
    room_id: roomId,
    status,
    head_seq: record?.head_seq ?? 0,
    preset,
    own_policy: ownPolicy(preset, record),
    created_at: record?.created_at ?? '',
    seats: NO_SEATS,
    gone: OrderedMap(),
    calling,
    vacant_since: calling && status === 'open' ? 'unknown' : null,
    members_version: membersVersion,
  };
}

/**
 * A room's own policy from its record. A field that did not exist yet when it was stored has the preset's
 * value.
 */
export function ownPolicy(preset: Policy, record: RoomRecord | null): Policy | null {
  if (record === null || record.policy === null) return null;
  const policy = { ...preset, ...record.policy };
  return record.status === 'empty' ? ownPolicyWhenEmpty(preset, policy) : policy;
}

/** A room that closed itself opens with its preset. Of its own policy only `creation` holds until then. */
export function ownPolicyWhenEmpty(preset: Policy, own: Policy | null): Policy | null {
  return own && { ...preset, creation: own.creation };
}

export function policyOf(state: RoomState): Policy {
  return state.own_policy ?? state.preset;
}

/** How long a room without members is kept in memory, ms. One that was only asked about is not kept. */
export function idleMs(state: RoomState): number {
  return state.status === 'absent' ? 0 : policyOf(state).idle_ms;
}

/** The part of a state that the store remembers. */
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
