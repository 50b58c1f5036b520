import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { KeptName, KeptText, MembersVersion, RequestId, RoomId, Seq, Timestamp, Uuid } from './fields.js';
import { Policy } from './policy.js';

function durable<T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return Type.Object(
    {
      type: Type.Literal(type),
      event_id: Uuid,
      room_id: RoomId,
      seq: Seq,
      at: Timestamp,
      request_id: Type.Optional(RequestId),
      ...fields,
    },
    { additionalProperties: false },
  );
}

function ephemeral<T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return Type.Object(
    { type: Type.Literal(type), room_id: RoomId, at: Timestamp, ...fields },
    { additionalProperties: false },
  );
}

/**
 * Facts that have a seq: stored, then sent. A message's event id is the message id. An event that was stored before there
 * was a `members_version` has none.
 */
export const DURABLE_EVENTS = {
  message_posted: durable('message_posted', {
    user: Type.Union([KeptName, Type.Null()]),
    text: KeptText,
    quiet: Type.Optional(Type.Boolean({ description: 'stored, but by policy not sent to connections' })),
  }),
  room_opened: durable('room_opened', { policy: Policy }),
  policy_changed: durable('policy_changed', { policy: Policy }),
  member_kicked: durable('member_kicked', { user: KeptName, members_version: Type.Optional(MembersVersion) }),
  room_closed: durable('room_closed', {
    reason: Type.Union([Type.Literal('deleted'), Type.Literal('empty')]),
    purged: Type.Boolean(),
    members_version: Type.Optional(MembersVersion),
  }),
} as const;

/**
 * Facts for the clients that are connected now: never stored, no seq. `members` lists all members. It is sent
 * when clients may have missed single joins and leaves.
 */
export const EPHEMERAL_EVENTS = {
  member_joined: ephemeral('member_joined', {
    user: KeptName,
    member_count: Type.Integer(),
    members_version: MembersVersion,
  }),
  member_left: ephemeral('member_left', {
    user: KeptName,
    member_count: Type.Integer(),
    members_version: MembersVersion,
  }),
  typing: ephemeral('typing', { user: KeptName }),
  members: ephemeral('members', {
    members: Type.Array(KeptName),
    member_count: Type.Integer(),
    members_version: MembersVersion,
  }),
} as const;

export const DurableEvent = Type.Union(Object.values(DURABLE_EVENTS));
export const EphemeralEvent = Type.Union(Object.values(EPHEMERAL_EVENTS));
export const RoomEvent = Type.Union([DurableEvent, EphemeralEvent]);

export type DurableEvent = {
  [K in keyof typeof DURABLE_EVENTS]: Static<(typeof DURABLE_EVENTS)[K]>;
}[keyof typeof DURABLE_EVENTS];
export type EphemeralEvent = {
  [K in keyof typeof EPHEMERAL_EVENTS]: Static<(typeof EPHEMERAL_EVENTS)[K]>;
}[keyof typeof EPHEMERAL_EVENTS];
export type RoomEvent = DurableEvent | EphemeralEvent;
export type MessagePosted = Static<typeof DURABLE_EVENTS.message_posted>;

/** Whether an event has a seq and belongs in the store. */
export function isDurable(event: RoomEvent): event is DurableEvent {
  return 'seq' in event;
}

/** Whether connections are not sent this event. A quiet message can only be read later. */
export function isQuiet(event: DurableEvent): boolean {
  return event.type === 'message_posted' && event.quiet === true;
}
