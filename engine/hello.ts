import { actingUser, rightFault, type Grant } from './access/grant.js';
import type { Refusal } from './errors.js';
import { isGuestName, newGuest, readGuest } from './guests.js';
import { newId } from './ids.js';
import { checker } from './messages/check.js';
import { RequestId, RoomId } from './messages/fields.js';
import { nameOf, userFault } from './text/names.js';
import { wholeOf } from './text/numbers.js';

const roomFaults = checker(RoomId);
const requestIdFaults = checker(RequestId);

/** A client's request for a WebSocket. */
export interface Opening {
  /** Percent-decoded; null where that failed. */
  readonly roomId: string | null;
  readonly query: URLSearchParams;
  /** The caller's `x-request-id`, or "". */
  readonly requestId: string;
  /** Of the client's token, or `ANYBODY`. */
  readonly grant: Grant;
}

/** Who has opened a WebSocket. Already checked. */
export interface Visitor {
  readonly user: string;
  /** The caller's own, or null: then the connection's id stands for it. */
  readonly request_id: string | null;
  /** Of a guest, the token with which it comes back; null: the user has a name of its own. */
  readonly resume: string | null;
  readonly grant: Grant;
}

/** Which user wants to be in which room. Already checked. */
export interface Hello extends Visitor {
  readonly room_id: string;
  readonly since: number | null;
}

/**
 * Reads which user wants to be in which room; a refusal if the request does not say it rightly, or its token does not
 * allow it. Without authentication and without `user` the connection is a guest with a name of its own, as in the original
 * brief; with `resume` it is the guest it was before.
 */
export function readHello(opening: Opening): { readonly hello: Hello } | { readonly refusal: Refusal } {
  const { roomId, query, grant } = opening;
  if (roomId === null || roomFaults(roomId)) {
    return refuse(`the room id must be 1–64 of A-Z a-z 0-9 _ . : -, but neither . nor ..`);
  }
  const refusal = rightFault(grant, 'join', roomId);
  if (refusal !== null) return { refusal };
  const who = readWho(query, grant);
  if ('refusal' in who) return who;
  const since = readSince(query.get('since'));
  if (since === undefined) return refuse('since must be the seq of the last message you have: 0, 1, 2, …');
  const { user, resume } = who;
  return { hello: { room_id: roomId, user, since, request_id: given(opening.requestId), resume, grant } };
}

/** Reads who wants to be in many rooms. Which rooms, and since when, it says in frames. */
export function readVisitor({
  query,
  grant,
  requestId,
}: Omit<Opening, 'roomId'>): { readonly visitor: Visitor } | { readonly refusal: Refusal } {
  if (query.has('since')) return refuse('since belongs to a room: send it in its subscribe frame');
  const who = readWho(query, grant);
  if ('refusal' in who) return who;
  const { user, resume } = who;
  // Not a spread: what is added to a copy stands outside of it, and takes 270 bytes for each connection.
  return { visitor: { user, request_id: given(requestId), resume, grant } };
}

function readWho(query: URLSearchParams, grant: Grant): Who {
  return grant.user === null
    ? readUser(query.get('user'), query.get('resume'))
    : readGranted(grant, grant.user, query);
}

type Who = { readonly user: string; readonly resume: string | null } | { readonly refusal: Refusal };

/** The user of a token. A service may name another one. */
function readGranted(grant: Grant, own: string, query: URLSearchParams): Who {
  if (query.has('resume')) return refuse('resume is for guests, and a token names its user');
  const said = query.get('user');
  const name = said === null ? undefined : nameOf(said);
  const fault = name === undefined ? null : userFault(name);
  if (fault !== null) return refuse(`user: ${fault}`);
  const acting = actingUser(grant, name);
  return 'code' in acting ? { refusal: acting } : { user: acting.user ?? own, resume: null };
}

function readUser(given: string | null, token: string | null): Who {
  if (given === null) {
    const guest = token === null ? newGuest() : readGuest(token);
    if (guest === null) return refuse('resume must be the token from a welcome, as it was');
    return { user: guest.user, resume: guest.token };
  }
  if (token !== null) return refuse('give user or resume, not both');
  const user = nameOf(given);
  if (isGuestName(user)) return refuse('user: a guest comes back with resume, not by name');
  const fault = userFault(user);
  return fault === null ? { user, resume: null } : refuse(`user: ${fault}`);
}

/** The caller's request id if it is a valid one, else a new one. */
export function requestIdOf(said: string): string {
  return given(said) ?? newId();
}

function given(said: string): string | null {
  return said !== '' && requestIdFaults(said) === null ? said : null;
}

function readSince(text: string | null): number | null | undefined {
  if (text === null) return null;
  return wholeOf(text) ?? undefined;
}

function refuse(message: string): { readonly refusal: Refusal } {
  return { refusal: { code: 'bad_request', message } };
}
