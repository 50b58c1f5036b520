import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { Presence } from './commands.js';
import { RoomId, Seq, UserName, Uuid } from './fields.js';

function word<T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return Type.Object(
    { type: Type.Literal(type), room_id: RoomId, ...fields },
    { additionalProperties: false },
  );
}

/** Names in one `present`; a longer list goes in several. */
export const NAMES_PER_WORD = 500;

/**
 * What nodes say to each other: best effort, kept nowhere.
 *
 * `roll_call`: the home of a room asks every node who is connected to the room there. Each answers with `present`, also
 * when nobody is. What an audience has not got up to `head_seq` it has missed, and reads before it answers.
 * `typing`: a member types; to the home of the room.
 */
export const WORDS = {
  roll_call: word('roll_call', { node_id: Uuid, call_id: Uuid, head_seq: Seq }),
  present: word('present', {
    node_id: Uuid,
    call_id: Uuid,
    present: Type.Array(Presence, { maxItems: NAMES_PER_WORD }),
    believed: Type.Array(UserName, {
      maxItems: NAMES_PER_WORD,
      description: 'members as the clients of this node were told of them',
    }),
    last: Type.Boolean({ description: 'false: more of this answer follows' }),
  }),
  typing: word('typing', { user: UserName }),
} as const;

export type RollCall = Static<typeof WORDS.roll_call>;
export type Present = Static<typeof WORDS.present>;
export type Word = { [K in keyof typeof WORDS]: Static<(typeof WORDS)[K]> }[keyof typeof WORDS];

/** What an audience knows of a room's members, as it answers a roll call. */
export interface LocalMembers {
  readonly present: readonly Presence[];
  /** Members as the clients here were told of them; none where the room is too large for that. */
  readonly believed: readonly string[];
}
