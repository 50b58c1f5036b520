import { ERRORS, retryOf, type ErrorCode, type Refusal } from './errors.js';
import { messageFrameJson } from './json.js';
import type { RoomView } from './messages/answers.js';
import { checker, faultLine } from './messages/check.js';
import type { MessagePosted, RoomEvent } from './messages/events.js';
import { CLIENT_FRAMES, type ClientFrame, type ServerFrame } from './messages/frames.js';
import { speller } from './messages/spelling.js';
import { idOf } from './text/message-ids.js';
import { withoutMark } from './text/utf8.js';

/** The frame for an event, serialized once for all who get it. */
export function eventFrame(event: RoomEvent): string {
  return event.type === 'message_posted' ? messageFrameJson(event) : JSON.stringify(toFrame(event));
}

function toFrame(event: Exclude<RoomEvent, MessagePosted>): ServerFrame {
  switch (event.type) {
    case 'member_joined':
      return { type: 'joined', user: event.user, at: event.at };
    case 'member_left':
      return { type: 'left', user: event.user, at: event.at };
    case 'typing':
      return { type: 'typing', user: event.user };
    case 'room_opened':
    case 'policy_changed':
      return { type: event.type, seq: event.seq, policy: event.policy, at: event.at };
    case 'member_kicked':
      return { type: 'member_kicked', seq: event.seq, user: event.user, at: event.at };
    case 'room_closed':
      return { type: 'room_closed', seq: event.seq, at: event.at };
    case 'members':
      return { type: 'members', members: event.members, member_count: event.member_count };
  }
}

export function welcomeFrame(welcome: {
  readonly listener: { readonly id: string; readonly user: string };
  readonly room: RoomView;
  /** Left out of the frame where the client gave no `since`. */
  readonly recovered: boolean | undefined;
  /** Left out of the frame where the client is no guest. */
  readonly resume: string | null;
}): string {
  const { listener, room, recovered, resume } = welcome;
  const { room_id, members, member_count, head_seq, policy } = room;
  const frame: ServerFrame = {
    type: 'welcome',
    room_id,
    connection_id: listener.id,
    user: listener.user,
    members: [...members],
    member_count,
    head_seq,
    policy,
    ...(resume === null ? {} : { resume }),
    ...(recovered === undefined ? {} : { recovered }),
  };
  return JSON.stringify(frame);
}

/** All members of a room; the client forgets the list that it had. */
export function membersFrame(members: readonly string[]): string {
  const frame: ServerFrame = { type: 'members', members: [...members], member_count: members.length };
  return JSON.stringify(frame);
}

export function ackFrame(id: string, seq: number): string {
  return `{"type":"ack","id":"${id}","seq":${seq}}`;
}

export function queuedFrame(id: string): string {
  return `{"type":"queued","id":"${id}"}`;
}

/** The answer to a `refresh` frame. `endsAt`: ms since 1970, or Infinity. */
export function refreshedFrame(endsAt: number): string {
  const frame: ServerFrame =
    endsAt === Infinity
      ? { type: 'refreshed' }
      : { type: 'refreshed', expires_at: new Date(endsAt).toISOString() };
  return JSON.stringify(frame);
}

/** The answer to a `ping` frame. */
export const PONG_FRAME = '{"type":"pong"}';

export function errorFrame(code: ErrorCode, message: string, id?: string, retryAfterMs?: number): string {
  const frame: ServerFrame = {
    type: 'error',
    code,
    message: message || ERRORS[code].title,
    ...(id ? { id } : {}),
    ...retryOf(code, retryAfterMs),
  };
  return JSON.stringify(frame);
}

/**
 * Makes `error` frames for one refusal, each with the id of a post if it has one; only the id is written each
 * time.
 */
export function refusalFrames({ code, message }: Refusal): (id: string | undefined) => string {
  const bare = errorFrame(code, message);
  const withId = `${bare.slice(0, -1)},"id":"`;
  return (id) => (id === undefined ? bare : `${withId}${id}"}`);
}

const ID_KEY = '"id"';
const ID_FIELD = /"id"\s*:\s*"([0-9A-Za-z-]{1,64})"/y;

/**
 * The id in a client's frame; undefined if it has none. A malformed frame may give an id or not. It costs a
 * tenth of decoding, because it only looks for the key: inside a JSON string a quotation mark follows a
 * backslash, so `"id"` is a key or a whole string.
 */
export function idOfFrame(text: string): string | undefined {
  const at = text.indexOf(ID_KEY);
  if (at < 0 && !text.includes('\\u')) return undefined;
  ID_FIELD.lastIndex = at;
  const plain = at < 0 ? undefined : ID_FIELD.exec(text)?.[1];
  if (plain !== undefined) return idOf(plain);
  // The frame has escapes, or `"id"` is a value.
  const decoded = decodeFrame(text);
  if ('fault' in decoded) return undefined;
  return 'id' in decoded.frame ? decoded.frame.id : undefined;
}

export type Decoded = { readonly frame: ClientFrame } | { readonly fault: string; readonly id?: string };

const READERS = Object.fromEntries(
  Object.entries(CLIENT_FRAMES).map(([type, schema]) => [
    type,
    { check: checker(schema), spell: speller(schema) },
  ]),
);

/** A client's text frame, or what is wrong with it. Never throws. */
export function decodeFrame(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(text));
  } catch {
    return { fault: 'this is not JSON; send for example {"type":"post","text":"Hello"}' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { fault: 'a frame is a JSON object, for example {"type":"post","text":"Hello"}' };
  }
  const type = 'type' in value ? value.type : undefined;
  const reader = typeof type === 'string' && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (!reader)
    return {
      fault: `type must be one of ${Object.keys(READERS)
        .map((name) => `"${name}"`)
        .join(', ')}`,
    };
  const faults = reader.check(value);
  if (faults) {
    const id =
      'id' in value && typeof value.id === 'string' && value.id.length <= 64 ? { id: idOf(value.id) } : {};
    return { fault: faultLine(faults), ...id };
  }
  return { frame: reader.spell(value) as ClientFrame };
}
