import type { Refusal } from '../errors.js';
import type { MessagePosted } from './events.js';
import type { Policy } from './policy.js';

/** What a join is told: the room as it stood when the seat was given. */
export interface RoomView {
  readonly room_id: string;
  readonly status: 'open' | 'closed';
  readonly policy: Policy;
  /** Names of those who hold a seat, at most PRESENCE_LIMIT of them; `member_count` is exact. */
  readonly members: readonly string[];
  readonly member_count: number;
  readonly head_seq: number;
  readonly created_at: string;
}

export type Done =
  | { readonly type: 'posted'; readonly message: MessagePosted }
  | { readonly type: 'joined'; readonly room: RoomView }
  | { readonly type: 'opened'; readonly created: boolean; readonly room: RoomView }
  | { readonly type: 'described'; readonly room: RoomView }
  /** `lost`: connections whose seat went to somebody else meanwhile. */
  | { readonly type: 'asserted'; readonly lost: readonly string[] }
  | { readonly type: 'done' };

/**
 * How a command ended. `refused`: nothing happened. `queued`: durably in the broker, but its room did not
 * answer in time; it will be carried out once.
 */
export type Answer = Done | ({ readonly type: 'refused' } & Refusal) | { readonly type: 'queued' };

export function refused(refusal: Refusal): Answer {
  return { type: 'refused', ...refusal };
}
