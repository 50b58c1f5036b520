import type { Refusal } from '../errors.js';
import type { MessagePosted } from './events.js';
import type { Policy } from './policy.js';

/** What a client is told of a room. */
export interface RoomView {
  readonly room_id: string;
  readonly status: 'open' | 'closed';
  readonly policy: Policy;
  /** Names of the users with a seat, at most PRESENCE_LIMIT of them; `member_count` is exact. */
  readonly members: readonly string[];
  readonly member_count: number;
  readonly head_seq: number;
  readonly created_at: string;
}

/** The room as it stood when the seat was given. */
export interface Joined {
  readonly type: 'joined';
  readonly room: RoomView;
  /** When the seat was given. */
  readonly at: string;
  /** Of the list of members in `room`. */
  readonly members_version: number;
  /** The node that is the room's home. */
  readonly home: string;
  /**
   * The room's last roll call when the seat was given. An audience that has answered a later one joins again.
   */
  readonly call_id: string;
  /** The room's home had taken the connection's node for gone, so the seat is in grace until it is asserted. */
  readonly unsure?: true;
}

export type Done =
  | { readonly type: 'posted'; readonly message: MessagePosted }
  | Joined
  | { readonly type: 'opened'; readonly created: boolean; readonly room: RoomView }
  | { readonly type: 'described'; readonly room: RoomView }
  /** `lost`: connections that have no seat any more; `because`: the reason. */
  | { readonly type: 'asserted'; readonly lost: readonly string[]; readonly because?: Refusal }
  | { readonly type: 'done' };

/**
 * How a command ended. `refused`: nothing happened, unless `reached` is `perhaps`. `queued`: the command is
 * durably in the broker, but its room did not answer in time; it will be carried out once.
 */
export type Answer = Done | Refused | { readonly type: 'queued' };

export interface Refused extends Refusal {
  readonly type: 'refused';
  /** Whether the command reached its room; left out: it did, and the refusal is the room's own decision. */
  readonly reached?: 'no' | 'perhaps';
}

/** The room has decided against the command. */
export function refused(refusal: Refusal): Refused {
  return { type: 'refused', ...refusal };
}

/** The command did not reach its room, or nobody knows whether it did. */
export function notDelivered(reached: 'no' | 'perhaps', refusal: Refusal): Refused {
  return { type: 'refused', ...refusal, reached };
}
