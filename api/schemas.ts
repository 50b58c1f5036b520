import { Type, type ArrayOptions, type Static, type TSchema } from '@sinclair/typebox';
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

/** An array in an answer; readonly, as the engine's are. */
export function list<T extends TSchema>(items: T, options: ArrayOptions = {}) {
  return Type.Unsafe<readonly Static<T>[]>(Type.Array(items, options));
}

export const Message = Type.Object(MESSAGE_FIELDS, { description: 'A message, ordered and stored' });

export const PostBody = Type.Object(
  { text: MessageText, id: Type.Optional(Uuid), user: Type.Optional(UserName) },
  { additionalProperties: false },
);

export const PostHeaders = Type.Object({ 'idempotency-key': Type.Optional(IdempotencyKey) });

/** A page of messages. */
export const MessagePage = Type.Object({
  messages: list(Message, { description: 'ascending by seq' }),
  next: Type.Union([Type.Integer(), Type.Null()], {
    description: 'the cursor of the next page; null: there is none',
  }),
});

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
  members: list(KeptName, { description: 'at most PRESENCE_LIMIT names; member_count is exact' }),
  member_count: Type.Integer(),
});

/** How to page through any list. */
export const CURSOR_RULE = '`next` of the page before, as it stands; the other parameters as they were';

/** A position in the list of rooms. An older Parlor allowed the ids . and .., so a page may end with one of them. */
export const RoomCursor = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$', description: CURSOR_RULE });

export const RoomPage = Type.Object({
  rooms: list(RoomSummary),
  next: Type.Union([RoomCursor, Type.Null()], {
    description: 'the cursor of the next page; null: there is none',
  }),
});

export const Event = Type.Union(Object.values(DURABLE_EVENTS), {
  description: 'A fact that has a seq',
});

export const EventPage = Type.Object({
  events: list(Event),
  next: Type.Union([Type.String(), Type.Null()], {
    description:
      'the cursor of the next page; null: there is none. A page may be short, even empty, and not be the last',
  }),
  cursor: Type.Union([Type.String(), Type.Null()], {
    description: 'the cursor to go on with later, when there is more; stays valid when events are forgotten',
  }),
});

export const RoomParams = Type.Object({ room_id: RoomId });
export const MemberParams = Type.Object({ room_id: RoomId, user: UserName });
export const IdParams = Type.Object({ id: Uuid });

/** For a call without query parameters: any parameter is refused, as an unknown field is. */
export const NoQuery = Type.Object({}, { additionalProperties: false });

export const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 }));
/** An answer with this body. */
export function json<T extends TSchema>(description: string, schema: T) {
  return { description, content: { 'application/json': { schema } } };
}

/** An answer without a body. */
export const Done = Type.Unsafe<undefined>(Type.Null({ description: 'Done' }));

/** To a request with If-None-Match. */
export const NotModified = Type.Unsafe<undefined>(
  Type.Null({ description: 'It has the entity tag of If-None-Match' }),
);

/** Every call can end in these: an unreadable request, an Origin or Host that is not listed, a bug. */
const ALWAYS = [
  { code: 'bad_request', text: ERRORS.bad_request.title },
  {
    code: 'forbidden',
    text: 'Pages of this Origin, requests with this Host, or this token, are not allowed',
  },
  { code: 'internal', text: ERRORS.internal.title },
] as const satisfies readonly { readonly code: ErrorCode; readonly text: string }[];

/** What a call with a body can end in. */
export const BODY_PROBLEMS = [
  'request_timeout',
  'payload_too_large',
  'unsupported_media_type',
  'expectation_failed',
] as const satisfies readonly ErrorCode[];

const RETRY_AFTER = {
  'retry-after': Type.Integer({ minimum: 1, description: 'do not repeat the request sooner, s' }),
};

/** The problems that a call can end in, by status, for the document: these, and those of every call. */
export function problems(...codes: readonly ErrorCode[]): Readonly<Record<never, unknown>> {
  return answersOf([...ALWAYS, ...codes.map(titled)]);
}

/** These problems alone, by status. */
export function problemsOnly(...codes: readonly ErrorCode[]): Readonly<Record<never, unknown>> {
  return answersOf(codes.map(titled));
}

interface Described {
  readonly code: ErrorCode;
  readonly text: string;
}

function titled(code: ErrorCode): Described {
  return { code, text: ERRORS[code].title };
}

function answersOf(all: readonly Described[]): Readonly<Record<never, unknown>> {
  const statuses = new Set(all.map(({ code }) => ERRORS[code].http));
  return Object.fromEntries(
    Array.from(statuses, (status) => {
      const some = all.filter(({ code }) => ERRORS[code].http === status);
      const answer = {
        description: some.map(({ text }) => text).join('. '),
        content: { 'application/problem+json': { schema: Problem } },
      };
      const mayRetry = some.some(({ code }) => ERRORS[code].retry);
      return [status, mayRetry ? { ...answer, headers: RETRY_AFTER } : answer];
    }),
  );
}
