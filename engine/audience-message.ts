import type { EntranceMessage } from './entrance.js';
import type { Reading } from './missed-events.js';
import type { RoomEvent } from './messages/events.js';
import type { Check, RollCall } from './messages/words.js';
import type { Entrant, SeatAnswer } from './seat-keeper.js';

/** An audience's messages: events, what a room and its home ask and answer, and news of its connections. */
export type AudienceMessage =
  | RoomEvent
  | RollCall
  | Check
  | SeatAnswer
  | EntranceMessage
  | { readonly type: 'enter'; readonly entrant: Entrant }
  | { readonly type: 'remove'; readonly id: string }
  /** Events may have been missed: read them, and assert all seats. `done`: whether both succeeded. */
  | { readonly type: 'sync'; readonly done: (ok: boolean) => void }
  | Reading<Purpose>;

/** Why missed events are read: `message` has to wait for them, or all seats are to be asserted after them. */
export type Purpose = { readonly message: AudienceMessage } | { readonly done: (ok: boolean) => void };

/** The first seq that need not be read before this message is dealt with. */
export function firstSeqFor(message: AudienceMessage): number {
  if (message.type === 'join_answered' && message.answer.type === 'joined')
    return message.answer.room.head_seq + 1;
  if (message.type === 'roll_call') return message.head_seq + 1;
  return 'seq' in message ? message.seq : 0;
}
