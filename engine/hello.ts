import type { Refusal } from './errors.js';
import type { Hello } from './connection.js';
import { newId } from './ids.js';
import { checker } from './messages/check.js';
import { RequestId, RoomId, userFault } from './messages/fields.js';

const roomFaults = checker(RoomId);
const requestIdFaults = checker(RequestId);

/** What a client said when it opened a WebSocket. */
export interface Opening {
  /** Percent-decoded; null where that failed. */
  readonly roomId: string | null;
  readonly query: URLSearchParams;
  /** The caller's `x-request-id`, or "". */
  readonly requestId: string;
}

/**
 * Who wants to be where, or why that cannot be told. Without `user` (and without authentication) the connection
 * is a guest with a name of its own, as in the original brief.
 */
export function readHello(opening: Opening): { readonly hello: Hello } | { readonly refusal: Refusal } {
  const { roomId, query } = opening;
  if (roomId === null || roomFaults(roomId)) {
    return refuse(`the room id must be 1–64 of A-Z a-z 0-9 _ . : -`);
  }
  const user = query.get('user') ?? `guest-${newId().slice(-8)}`;
  const fault = userFault(user);
  if (fault !== null) return refuse(`user: ${fault}`);
  const since = readSince(query.get('since'));
  if (since === undefined) return refuse('since must be the seq of the last message you have: 0, 1, 2, …');
  return { hello: { room_id: roomId, user, since, request_id: given(opening.requestId) } };
}

/** The caller's request id where it is one, else a new one. */
export function requestIdOf(said: string): string {
  return given(said) ?? newId();
}

function given(said: string): string | null {
  return said !== '' && requestIdFaults(said) === null ? said : null;
}

function readSince(text: string | null): number | null | undefined {
  if (text === null) return null;
  if (!/^\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}

function refuse(message: string): { readonly refusal: Refusal } {
  return { refusal: { code: 'bad_request', message } };
}
