import { Type } from '@sinclair/typebox';
import { ERRORS, type ErrorCode } from '../engine/errors.js';
import { DURABLE_EVENTS } from '../engine/messages/events.js';
import {
  IdempotencyKey,
  KeptName,
  MessageText,
  RoomId,
  Seq,
  Timestamp,
  UserName,
  Uuid,
} from '../engine/messages/fields.js';
import { MESSAGE_FIELDS } from '../engine/messages/frames.js';
import { Policy } from '../engine/messages/policy.js';
import { Problem } from './problem.js';

export const Message = Type.Object(MESSAGE_FIELDS, { description: 'A message, ordered and stored' });

export const PostBody = Type.Object(
  { text: MessageText, id: Type.Optional(Uuid), user: Type.Optional(UserName) },
  { additionalProperties: false },
);

export const PostHeaders = Type.Object({ 'idempotency-key': Type.Optional(IdempotencyKey) });

export const Queued = Type.Object(
  { id: Type.Optional(Uuid), room_id: RoomId, status: Type.Literal('queued') },
  { description: 'Durably queued in RabbitMQ, not ordered yet: the room did not answer in time' },
);

const ROOM_FIELDS = {
  room_id: RoomId,
  status: Type.Unsafe<'open' | 'closed'>(Type.String({ enum: ['open', 'closed'] })),
  policy: Policy,
  head_seq: Seq,
  created_at: Timestamp,
};
export const RoomSummary = Type.Object(ROOM_FIELDS);
export const Room = Type.Object({
  ...ROOM_FIELDS,
  members: Type.Array(KeptName, { description: 'at most PRESENCE_LIMIT names; member_count is exact' }),
  member_count: Type.Integer(),
});

export const Event = Type.Union(Object.values(DURABLE_EVENTS));

export const RoomParams = Type.Object({ room_id: RoomId });
export const MemberParams = Type.Object({ room_id: RoomId, user: UserName });
export const IdParams = Type.Object({ id: Uuid });

/** For a call without query parameters: one that it does not know is refused, as an unknown field is. */
export const NoQuery = Type.Object({}, { additionalProperties: false });

export const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 }));
/** The one way through a list, whatever it lists. */
export const CURSOR_RULE = '`next` of the page before, as it stands; the other parameters as they were';

const PROBLEM = { ...Problem, $id: undefined };

/** The schemas of the problems a call can end in, by status, for the document. */
export function problems(...codes: ErrorCode[]) {
  return Object.fromEntries(
    codes.map((code) => {
      const { http, title: description } = ERRORS[code];
      return [http, { description, content: { 'application/problem+json': { schema: PROBLEM } } }];
    }),
  );
}
