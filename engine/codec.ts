import type { TSchema } from '@sinclair/typebox';
import { ERRORS, retryOf, type ErrorCode, type Refusal } from './errors.js';
import { messageFrameJson } from './json.js';
import type { RoomView } from './messages/answers.js';
import { checker, faultLine } from './messages/check.js';
import type { MessagePosted, RoomEvent } from './messages/events.js';
import {
  CLIENT_FRAMES,
  MANY_CLIENT_FRAMES,
  type ClientFrame,
  type ManyClientFrame,
  type ManyServerFrame,
  type ServerFrame,
} from './messages/frames.js';
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

/** A frame about a room as a connection to many rooms is sent it: the same, with its room in front. */
export function inRoom(roomId: string, frame: string): string {
  return `{"room":"${roomId}",${frame.slice(1)}`;
}

/** The first frame on a connection to many rooms. `resume`: a guest's token, or null. */
export function helloFrame(
  connection: { readonly id: string; readonly user: string },
  resume: string | null,
  roomsLimit: number,
): string {
  const frame: ManyServerFrame = {
    type: 'hello',
    connection_id: connection.id,
    user: connection.user,
    ...(resume === null ? {} : { resume }),
    rooms_limit: roomsLimit,
  };
  return JSON.stringify(frame);
}

/** `room`: as the client has said it. `refusal`: null where the client has asked for it. */
export function unsubscribedFrame(room: string, refusal: Refusal | null): string {
  const frame: ManyServerFrame =
    refusal === null
      ? { room, type: 'unsubscribed' }
      : {
          room,
          type: 'unsubscribed',
          code: refusal.code,
          message: refusal.message || ERRORS[refusal.code].title,
          ...retryOf(refusal.code, refusal.retry_after_ms),
        };
  return JSON.stringify(frame);
}

/** A frame, or what is wrong with it. What can be known of a wrong one all the same: its id, its room and its type. */
export type Decoded<F> =
  | { readonly frame: F }
  | { readonly fault: string; readonly id?: string; readonly room?: string; readonly type?: string };

interface Reader {
  readonly check: ReturnType<typeof checker>;
  readonly spell: ReturnType<typeof speller>;
}

/** The longest room or id of a wrong frame that is said back. */
const SAID_BACK_MOST = 64;

function readersOf(schemas: Readonly<Record<string, TSchema>>): Readonly<Record<string, Reader>> {
  return Object.fromEntries(
    Object.entries(schemas).map(([type, schema]) => [
      type,
      { check: checker(schema), spell: speller(schema) },
    ]),
  );
}

const READERS = readersOf(CLIENT_FRAMES);
const MANY_READERS = readersOf(MANY_CLIENT_FRAMES);

/** A client's text frame on a connection to one room, or what is wrong with it. Never throws. */
export function decodeFrame(text: string): Decoded<ClientFrame> {
  return decode<ClientFrame>(text, READERS, '{"type":"post","text":"Hello"}');
}

/** The same on a connection to many rooms. */
export function decodeManyFrame(text: string): Decoded<ManyClientFrame> {
  return decode<ManyClientFrame>(text, MANY_READERS, '{"type":"subscribe","room":"42"}');
}

function decode<F>(text: string, readers: Readonly<Record<string, Reader>>, example: string): Decoded<F> {
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(text));
  } catch {
    return { fault: `this is not JSON; send for example ${example}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { fault: `a frame is a JSON object, for example ${example}` };
  }
  const type = 'type' in value ? value.type : undefined;
  const reader = typeof type === 'string' && Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (!reader)
    return {
      fault: `type must be one of ${Object.keys(readers)
        .map((name) => `"${name}"`)
        .join(', ')}`,
    };
  const faults = reader.check(value);
  if (!faults) return { frame: reader.spell(value) as F };
  const id = 'id' in value ? short(value.id) : null;
  const room = 'room' in value ? short(value.room) : null;
  return {
    fault: faultLine(faults),
    ...(id === null ? {} : { id: idOf(id) }),
    ...(room === null ? {} : { room }),
    ...(typeof type === 'string' ? { type } : {}),
  };
}

function short(value: unknown): string | null {
  return typeof value === 'string' && value.length <= SAID_BACK_MOST ? value : null;
}
