import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { Revocation } from '../access/revocation.js';
import { Presence } from './commands.js';
import { KeptName, MembersVersion, RoomId, Seq, Uuid } from './fields.js';

function word<T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return Type.Object(
    { type: Type.Literal(type), room_id: RoomId, ...fields },
    { additionalProperties: false },
  );
}

/** A word that is about no room. */
function nodeWord<T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return Type.Object({ type: Type.Literal(type), ...fields }, { additionalProperties: false });
}

/** Most names in one `present` or `assert`. A longer list is sent in several. */
export const NAMES_PER_WORD = 500;

/**
 * What nodes say to each other: best effort, kept nowhere.
 *
 * `roll_call`: the home of a room asks every node for its connections to the room. An audience that has not
 * received all events up to `head_seq` has missed some, and reads them before it answers.
 *
 * `present`: a node's answer to the home, sent also if it has no connection to the room.
 *
 * `check`: the home asks a node which of these connections are still there. `checked`: the node's answer.
 *
 * `typing`: a member types; sent to the home of the room.
 *
 * `revoked`, `unrevoked`: tokens are refused from now on, or no longer. `disconnect`: the connections of a user are to be
 * ended.
 */
export const WORDS = {
  roll_call: word('roll_call', { node_id: Uuid, call_id: Uuid, head_seq: Seq }),
  present: word('present', {
    node_id: Uuid,
    call_id: Uuid,
    present: Type.Array(Presence, { maxItems: NAMES_PER_WORD }),
    believed: Type.Array(KeptName, {
      maxItems: NAMES_PER_WORD,
      description: 'members as the clients of this node were told of them',
    }),
    members_version: MembersVersion,
    last: Type.Boolean({ description: 'false: more of this answer follows' }),
  }),
  check: word('check', {
    node_id: Uuid,
    check_id: Uuid,
    connection_ids: Type.Array(Uuid, { maxItems: NAMES_PER_WORD }),
  }),
  checked: word('checked', {
    node_id: Uuid,
    check_id: Uuid,
    gone: Type.Array(Uuid, { maxItems: NAMES_PER_WORD, description: 'those that are not there' }),
  }),
  typing: word('typing', { user: KeptName }),
  revoked: nodeWord('revoked', { revocation: Revocation }),
  unrevoked: nodeWord('unrevoked', { key: Type.String() }),
  disconnect: nodeWord('disconnect', { user: KeptName }),
} as const;

export type RollCall = Static<typeof WORDS.roll_call>;
export type Present = Static<typeof WORDS.present>;
export type Check = Static<typeof WORDS.check>;
export type Checked = Static<typeof WORDS.checked>;
export type Word = { [K in keyof typeof WORDS]: Static<(typeof WORDS)[K]> }[keyof typeof WORDS];
export type RoomWord = Extract<Word, { room_id: string }>;

/** A node's answer to a roll call. */
export interface LocalMembers {
  /** The node's connections that have a seat or have asked for one. */
  readonly present: readonly Presence[];
  /** Members as the node's clients were told of them; empty in a room that is too large to list them. */
  readonly believed: readonly string[];
  /** Of that list; 0 where there is none. */
  readonly members_version: number;
}
