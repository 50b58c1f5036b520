import { Type, type Static, type TObject, type TSchema } from '@sinclair/typebox';
import { KeptName, KeptText, MessageText, RoomId, Seq, Timestamp, Uuid } from './fields.js';
import { Policy } from './policy.js';

function frame<T extends string, P extends Record<string, TSchema>>(
  type: T,
  fields: P,
  description?: string,
) {
  const options = description === undefined ? {} : { description };
  return Type.Object({ type: Type.Literal(type), ...fields }, { additionalProperties: false, ...options });
}

/** What a client may send. */
export const CLIENT_FRAMES = {
  post: frame('post', { text: MessageText, id: Type.Optional(Uuid) }),
  typing: frame('typing', {}, 'passed on at most once a second for each member'),
  ping: frame('ping', {}, 'answered with pong, to show that the link lives'),
  refresh: frame(
    'refresh',
    { token: Type.String({ minLength: 1 }) },
    'a new token of the same user, before the old one expires; answered with refreshed',
  ),
} as const;

const { post, typing, ping, refresh } = CLIENT_FRAMES;

/** What a client may send on a connection to many rooms. */
export const MANY_CLIENT_FRAMES = {
  subscribe: frame(
    'subscribe',
    { room: RoomId, since: Type.Optional(Seq) },
    'answered with the welcome of the room, or unsubscribed; since: the last seq you have of it',
  ),
  unsubscribe: frame('unsubscribe', { room: RoomId }, 'answered with unsubscribed'),
  post: frame('post', { room: RoomId, text: post.properties.text, id: post.properties.id }),
  typing: frame('typing', { room: RoomId }, typing.description),
  ping,
  refresh,
} as const;

/** A message as every surface shows it. */
export const MESSAGE_FIELDS = {
  id: Uuid,
  room_id: RoomId,
  seq: Seq,
  user: Type.Union([KeptName, Type.Null()]),
  text: KeptText,
  created_at: Timestamp,
};

/** What a client is sent. Every event with a seq has a frame, so the seqs a client sees have no gap. */
export const SERVER_FRAMES = {
  welcome: frame('welcome', {
    room_id: RoomId,
    connection_id: Uuid,
    user: KeptName,
    members: Type.Array(KeptName, { description: 'at most PRESENCE_LIMIT names; member_count is exact' }),
    member_count: Type.Integer(),
    head_seq: Seq,
    policy: Policy,
    resume: Type.Optional(
      Type.String({ description: 'for a guest: come back with ?resume= and keep the name and the seat' }),
    ),
    recovered: Type.Optional(
      Type.Boolean({
        description: 'with since: whether the missed events follow; if not, read them over HTTP',
      }),
    ),
  }),
  message: frame('message', MESSAGE_FIELDS),
  joined: frame('joined', { user: KeptName, at: Timestamp }),
  left: frame('left', { user: KeptName, at: Timestamp }),
  members: frame('members', {
    members: Type.Array(KeptName, { description: 'all of them, in place of what was told before' }),
    member_count: Type.Integer(),
  }),
  typing: frame('typing', { user: KeptName }),
  room_opened: frame('room_opened', { seq: Seq, policy: Policy, at: Timestamp }),
  policy_changed: frame('policy_changed', { seq: Seq, policy: Policy, at: Timestamp }),
  member_kicked: frame('member_kicked', { seq: Seq, user: KeptName, at: Timestamp }),
  room_closed: frame('room_closed', { seq: Seq, at: Timestamp }),
  ack: frame('ack', { id: Uuid, seq: Seq }),
  queued: frame('queued', { id: Uuid }),
  pong: frame('pong', {}),
  refreshed: frame('refreshed', {
    expires_at: Type.Optional(Timestamp),
  }),
  error: frame('error', {
    code: Type.String(),
    message: Type.String(),
    id: Type.Optional(
      Type.String({ maxLength: 64, description: 'of the post it is about, a UUID in lower case' }),
    ),
    retry: Type.Boolean({ description: 'whether the same may succeed later' }),
    retry_after_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'with retry: try again, or come back, after so many ms, not sooner',
      }),
    ),
  }),
} as const;

const RETRY_FIELDS = {
  retry: SERVER_FRAMES.error.properties.retry,
  retry_after_ms: SERVER_FRAMES.error.properties.retry_after_ms,
};

/** What is sent besides on a connection to many rooms. */
export const MANY_SERVER_FRAMES = {
  hello: frame(
    'hello',
    {
      connection_id: Uuid,
      user: KeptName,
      resume: SERVER_FRAMES.welcome.properties.resume,
      rooms_limit: Type.Integer({ description: 'rooms that you may be subscribed to at once' }),
    },
    'the first frame',
  ),
  unsubscribed: frame(
    'unsubscribed',
    {
      room: Type.String({ description: 'as you have said it' }),
      code: Type.Optional(Type.String({ description: 'why; left out: you have asked for it' })),
      message: Type.Optional(Type.String()),
      retry: Type.Optional(RETRY_FIELDS.retry),
      retry_after_ms: RETRY_FIELDS.retry_after_ms,
    },
    'you are not in this room any more, or were not let in; no frame of it follows until you subscribe again',
  ),
} as const;

/** About the connection, also where it is to many rooms. An `error` may be about either. */
const OF_CONNECTION: ReadonlySet<string> = new Set(['pong', 'refreshed']);

/** The schema that a frame of this type has on a connection to many rooms. */
export function aboutRoom(type: string, schema: TObject): TObject {
  if (OF_CONNECTION.has(type)) return schema;
  const room = type === 'error' ? Type.Optional(RoomId) : RoomId;
  return Type.Object({ room, ...schema.properties }, { additionalProperties: false });
}

export type ClientFrame = {
  [K in keyof typeof CLIENT_FRAMES]: Static<(typeof CLIENT_FRAMES)[K]>;
}[keyof typeof CLIENT_FRAMES];
export type ServerFrame = {
  [K in keyof typeof SERVER_FRAMES]: Static<(typeof SERVER_FRAMES)[K]>;
}[keyof typeof SERVER_FRAMES];

export type ManyClientFrame = {
  [K in keyof typeof MANY_CLIENT_FRAMES]: Static<(typeof MANY_CLIENT_FRAMES)[K]>;
}[keyof typeof MANY_CLIENT_FRAMES];
export type ManyServerFrame = {
  [K in keyof typeof MANY_SERVER_FRAMES]: Static<(typeof MANY_SERVER_FRAMES)[K]>;
}[keyof typeof MANY_SERVER_FRAMES];
