import type { Entry, Room, Roster } from '../../checker/history.js';

/** A message as history has it, or a fact as the log has it: there its id is `event_id`. */
interface Fact {
  readonly seq: number;
  readonly type: string;
  readonly id?: string;
  readonly event_id?: string;
  readonly user?: string | null;
  readonly text?: string;
}

type Read = (path: string) => Promise<Response>;

interface Described {
  readonly head_seq: number;
  readonly members: readonly string[];
  readonly policy: { readonly capacity: number | null; readonly post: 'members' | 'anyone' };
}

/** What a room's store shows over HTTP: its facts, and its messages page by page in both directions. */
export interface RoomReading {
  readonly room: Room;
  readonly upwards: readonly Entry[];
  readonly downwards: readonly Entry[];
}

/** Reads who has a seat in a room. */
export async function readRoster(read: Read, room_id: string): Promise<Roster> {
  const asked_at = performance.now();
  const { members } = await json<Described>(read, `/api/rooms/${room_id}`);
  return { room_id, asked_at, answered_at: performance.now(), members: [...members] };
}

/**
 * Reads everything a room has, in every way there is. A room that the store does not know has nothing. `grace_ms` is
 * what a history may count on.
 */
export async function readStoredRoom(read: Read, room_id: string, grace_ms = 0): Promise<RoomReading> {
  if ((await read(`/api/rooms/${room_id}`)).status === 404)
    return {
      room: { room_id, head_seq: 0, entries: [], capacity: null, post: 'anyone', grace_ms },
      upwards: [],
      downwards: [],
    };
  const { head_seq, policy } = await json<Described>(read, `/api/rooms/${room_id}`);
  const facts = await pages<Fact>(read, `/api/events?room_id=${room_id}&limit=200`, 'after', 'events');
  const path = `/api/rooms/${room_id}/messages?limit=200`;
  const upwards = await pages<Fact>(read, `${path}&after=0`, 'after', 'messages');
  const downwards = await pages<Fact>(read, path, 'before', 'messages');
  const { capacity, post } = policy;
  return {
    room: { room_id, head_seq, entries: facts.flat().map(entryOf), capacity, post, grace_ms },
    upwards: upwards.flat().map(messageOf),
    // Each page is ascending, and the newest page comes first.
    downwards: downwards.reverse().flat().map(messageOf),
  };
}

async function pages<T>(
  read: Read,
  path: string,
  cursor: 'after' | 'before',
  list: 'events' | 'messages',
): Promise<T[][]> {
  const all: T[][] = [];
  for (let next: string | number | null | undefined = undefined; next !== null;) {
    const from = new URL(path, 'http://localhost');
    if (next !== undefined) from.searchParams.set(cursor, String(next));
    const page = await json<Record<typeof list, T[]> & { next: string | number | null }>(
      read,
      `${from.pathname}${from.search}`,
    );
    all.push(page[list]);
    next = page.next;
  }
  return all;
}

async function json<T>(read: Read, path: string): Promise<T> {
  const answer = await read(path);
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

function entryOf(fact: Fact): Entry {
  const { seq, type } = fact;
  return type === 'message_posted' ? messageOf(fact) : { seq, type, message: null };
}

function messageOf({ seq, event_id = '', id = event_id, user = null, text = '' }: Fact): Entry {
  return { seq, type: 'message_posted', message: { id, user, text } };
}
