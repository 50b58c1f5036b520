import type { Outcome } from '../journal.js';
import type { Checked, Present } from '../messages/words.js';
import type { Delivery, RoomRecord } from '../ports.js';

/** A node has told of its connections to the room, or is gone. */
export type NodeNews =
  | { readonly type: 'present'; readonly word: Present }
  | { readonly type: 'checked'; readonly word: Checked }
  | { readonly type: 'node_gone'; readonly nodeId: string };

/** A room's messages: commands, answers to its own questions, and news of other nodes. */
export type RoomMessage =
  | Delivery
  | NodeNews
  | {
      readonly type: 'loaded';
      readonly load: number;
      readonly record: RoomRecord | null;
      readonly latest: number;
    }
  | { readonly type: 'not_loaded'; readonly load: number; readonly cause: unknown }
  | { readonly type: 'looked_up'; readonly lookup: number }
  | { readonly type: 'not_looked_up'; readonly lookup: number; readonly cause: unknown }
  /** The record is to be read again. `after`: the id of the roll call that was the room's last when this was planned. */
  | { readonly type: 'read_again'; readonly after: string }
  | { readonly type: 'was_read_again'; readonly after: string; readonly head_seq: number }
  | { readonly type: 'commit_failed'; readonly outcome: Outcome }
  /** Nothing is staged any more. */
  | { readonly type: 'drained' }
  /** Time to check again whether the node is still the room's home. */
  | { readonly type: 'ask_again' }
  /** A time has come that the room waited for. */
  | { readonly type: 'tick' };
