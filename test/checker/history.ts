import { Type, type Static } from '@sinclair/typebox';

/**
 * What is known of a run when it is over: what was posted and how that was answered, what each member saw, who was in
 * a room when and what was said of it, and what the store holds. The checker looks at nothing else.
 *
 * A history is of rooms that forget nothing (no purge, no retention), deliver everything (`deliver_alone`), are never
 * closed, and keep their capacity. A node that is cut off from the others is taken for gone, and its seats are given to
 * others: whoever was connected to one has `doubts`.
 */

/** As the program said it. Whether it can be a seq at all is for the checker: a history with a bad one is one too. */
const Seq = Type.Number();
const object = <P extends Parameters<typeof Type.Object>[0]>(fields: P) =>
  Type.Object(fields, { additionalProperties: false });

/**
 * How a post was answered: `posted` is 201 or an ack, `queued` 202, `refused` an error with its code, and `none` is no
 * answer, because the connection or the process died.
 */
export const Answer = Type.Union([
  object({ type: Type.Literal('posted'), seq: Seq }),
  object({ type: Type.Literal('queued') }),
  object({ type: Type.Literal('refused'), code: Type.String() }),
  object({ type: Type.Literal('none') }),
]);
export type Answer = Static<typeof Answer>;

/** ms on one clock, that of the process which ran the clients. */
const Time = Type.Number();

/**
 * One post as it was sent. Sent again with the same id it is another attempt. `connection` is the name of what it was
 * sent over, where what is sent first is decided first: a WebSocket, or a service that waits for each answer.
 */
export const Attempt = object({
  connection: Type.String(),
  room_id: Type.String(),
  id: Type.String(),
  user: Type.Union([Type.String(), Type.Null()]),
  text: Type.String(),
  sent_at: Time,
  answer: Answer,
});
export type Attempt = Static<typeof Attempt>;

export const Message = object({
  id: Type.String(),
  user: Type.Union([Type.String(), Type.Null()]),
  text: Type.String(),
});
export type Message = Static<typeof Message>;

/** Something with a seq, in the store or as a member saw it. `message` is null where it is not a message. */
export const Entry = object({
  seq: Seq,
  type: Type.String(),
  message: Type.Union([Message, Type.Null()]),
});
export type Entry = Static<typeof Entry>;

/** One connection of a member that was let in. */
export const Session = object({
  /** What it asked for; null: to hear the room from now on. */
  since: Type.Union([Seq, Type.Null()]),
  /** The head_seq of its welcome. */
  head_seq: Seq,
  /** As its welcome said: false where what was missed does not follow; null where there was no `since`. */
  recovered: Type.Union([Type.Boolean(), Type.Null()]),
  /** Every frame with a seq (acks apart), in the order in which they came. */
  entries: Type.Array(Entry),
});
export type Session = Static<typeof Session>;

/** A member of a room over all its connections, in order. */
export const Member = object({
  room_id: Type.String(),
  name: Type.String(),
  sessions: Type.Array(Session),
  /** Whether its last connection stood until everything was over: then it has to have seen everything. */
  stayed: Type.Boolean(),
});
export type Member = Static<typeof Member>;

/** What the store holds of a room: its events in the order in which it gives them. */
export const Room = object({
  room_id: Type.String(),
  head_seq: Seq,
  entries: Type.Array(Entry),
  /** How many users may have a seat; null: any number. */
  capacity: Type.Union([Type.Number(), Type.Null()]),
  /** Who may post. */
  post: Type.Union([Type.Literal('members'), Type.Literal('anyone')]),
  /**
   * For how many ms a seat is kept, whatever happens, after its user's last connection is gone. 0 where that is not
   * promised: if the only node is killed, all seats go with it.
   */
  grace_ms: Type.Number(),
});
export type Room = Static<typeof Room>;

/** What a client was told of who has a seat. A list of members that was cut short is left out. */
export const Told = object({
  at: Time,
  type: Type.Union([
    Type.Literal('welcome'),
    Type.Literal('members'),
    Type.Literal('joined'),
    Type.Literal('left'),
    Type.Literal('kicked'),
  ]),
  /** All members for `welcome` and `members`, else the one that it is about. */
  users: Type.Array(Type.String()),
});
export type Told = Static<typeof Told>;

/** A time between these two; null: for ever. */
export const Span = object({ from: Time, to: Type.Union([Time, Type.Null()]) });
export type Span = Static<typeof Span>;

/** One connection of a user to a room, let in or not, as far as seats go. */
export const Visit = object({
  room_id: Type.String(),
  user: Type.String(),
  /** When the client was about to ask for it. */
  asked_at: Time,
  /** When its welcome came; null: it was not let in. */
  welcome_at: Type.Union([Time, Type.Null()]),
  /**
   * Until when the server certainly had it open. Of one that the client ended: when it began to. Of one that ended
   * otherwise: when the last thing was sent that was answered, if only the wish to be let in. null: it was not let in.
   */
  sure_until: Type.Union([Time, Type.Null()]),
  /** When the client saw its end; null: never. */
  closed_at: Type.Union([Time, Type.Null()]),
  /**
   * When its seat may have been somebody else's, though it was open or in grace: nobody could hear its node for so long, or
   * nobody was left who knew of the seat. Ascending.
   */
  doubts: Type.Array(Span),
  told: Type.Array(Told),
});
export type Visit = Static<typeof Visit>;

/** Somebody was thrown out of a room. */
export const Kick = object({
  room_id: Type.String(),
  user: Type.String(),
  asked_at: Time,
  /** null: nobody knows whether it was carried out. */
  answered_at: Type.Union([Time, Type.Null()]),
});
export type Kick = Static<typeof Kick>;

/** The members of a room as a service read them: as they were at some time between the two. */
export const Roster = object({
  room_id: Type.String(),
  asked_at: Time,
  answered_at: Time,
  members: Type.Array(Type.String()),
});
export type Roster = Static<typeof Roster>;

/**
 * `attempts` are in the order in which they were sent, over all connections; `unsettled` is ascending; the rest is in
 * any order.
 */
export const History = object({
  attempts: Type.Array(Attempt),
  members: Type.Array(Member),
  rooms: Type.Array(Room),
  visits: Type.Array(Visit),
  kicks: Type.Array(Kick),
  rosters: Type.Array(Roster),
  /**
   * When homes changed or could not be reached. Somebody who goes then may be counted as there until it is over, and for
   * the grace of a seat after it.
   */
  unsettled: Type.Array(Span),
});
export type History = Static<typeof History>;

/** Whether an event can stand there: 1, 2, 3, … */
export function isSeq(seq: number): boolean {
  return Number.isSafeInteger(seq) && seq >= 1;
}
