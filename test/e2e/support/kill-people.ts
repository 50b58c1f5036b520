import { setTimeout as pause } from 'node:timers/promises';
import { ERRORS } from '../../../engine/errors.js';
import type { Answer, Member } from '../../checker/history.js';
import type { Book, Post } from './book.js';
import type { Door } from './door.js';
import { lastSeen, openLine, type Line, type LineOptions } from './line.js';
import type { VisitBook } from './visits.js';
import { between, freshPost, oneOf, type Random } from './words.js';

/** How fast everybody is. */
export interface Pace {
  /** Between two posts of one person, ms: this on average. 0: as fast as the answers come. */
  readonly postEveryMs: number;
  /** Before somebody who was not let in tries again, ms. */
  readonly knockEveryMs: number;
  /** How long an intruder stays away at most after a visit, ms: longer than grace, or the seat stays theirs. */
  readonly intrudeEveryMs: number;
  /** When a welcome or an answer takes longer, they go elsewhere, ms. */
  readonly patienceMs: number;
}

/** Where everybody meets. The programs behind the doors die and come back. */
export interface Arena {
  readonly pace: Pace;
  readonly book: Book;
  readonly visits: VisitBook;
  /** Posts whose sender did not get an answer and asks a service to send them again. */
  readonly handedOver: Post[];
  /** `load`: everybody posts; `finish`: nobody does, everybody listens; `over`: everybody goes. */
  phase: 'load' | 'finish' | 'over';
  /** Resolves with one of the doors, when there is one behind which a program should listen. */
  door(random: Random): Promise<Door>;
}

/** A member who lives its life in the background. */
export interface Person {
  readonly record: Member;
  /** Connected, and it has its welcome. */
  readonly isThere: boolean;
  /** Resolves when it has gone, after the phase is `over`. */
  readonly gone: Promise<void>;
}

/** Most posts of one connection that wait for an answer. */
const WINDOW = 8;

/**
 * A member of a room who posts as fast as its answers come, several at a time, and comes back with `since` whenever
 * its connection ends. What was not answered it sends again, asks a service to send, or leaves.
 */
export function startPoster(arena: Arena, room_id: string, name: string, random: Random): Person {
  const again: Post[] = [];
  const window = 1 + Math.floor(random() * WINDOW);

  async function talk(line: Line): Promise<void> {
    while (line.isOpen && arena.phase === 'load') {
      if (line.underWay >= window) {
        await line.moved();
        continue;
      }
      const old = random() < 0.7 ? again.shift() : undefined;
      const post = old ?? freshPost(random, room_id, name);
      line.post(post);
      const whim = random();
      if (whim < 0.02) line.post(post);
      else if (whim < 0.03) line.post({ ...post, text: `${post.text}, no` });
      else if (whim < 0.035) line.drop();
      else if (whim < 0.3) await pause(between(random, 0, 20));
      const { postEveryMs } = arena.pace;
      if (postEveryMs > 0) await pause(between(random, 0, 2 * postEveryMs));
    }
  }

  return startPerson(arena, room_id, name, random, {
    answered(post, answer) {
      if (mayRetry(answer)) again.push(post);
    },
    async during(line) {
      await talk(line);
      for (const post of await line.ended) {
        const whim = random();
        if (whim < 0.6) again.push(post);
        else if (whim < 0.75) arena.handedOver.push(post);
      }
    },
  });
}

/** A member who only listens, and not for long: it often has more to catch up than a room remembers by itself. */
export function startSleeper(arena: Arena, room_id: string, name: string, random: Random): Person {
  return startPerson(arena, room_id, name, random, {
    answered: () => undefined,
    async during(line) {
      if (arena.phase === 'load') {
        await Promise.race([line.ended, pause(between(random, 50, 500))]);
        if (arena.phase === 'load') line.drop();
      }
      await line.ended;
      await pause(arena.phase === 'load' ? between(random, 100, random() < 0.2 ? 4_000 : 1_000) : 0);
    },
  });
}

/**
 * Somebody who takes a seat in a room of two whenever one is free, and gives it back soon. It is gone when the load is
 * over, so that those who belong there find their seats.
 */
export function startIntruder(arena: Arena, room_id: string, name: string, random: Random): Person {
  return startPerson(arena, room_id, name, random, {
    answered: () => undefined,
    isWanted: () => arena.phase === 'load',
    async during(line) {
      await Promise.race([line.ended, pause(between(random, 20, 300))]);
      line.drop();
      await line.ended;
      await pause(between(random, 0, arena.pace.intrudeEveryMs));
    },
  });
}

interface Habits {
  readonly answered: LineOptions['answered'];
  /** What it does with a connection; resolves after that has ended. */
  readonly during: (line: Line) => Promise<void>;
  /** Whether it comes back. One who comes back until everything is over has to see everything. */
  readonly isWanted?: () => boolean;
}

function startPerson(arena: Arena, room_id: string, name: string, random: Random, habits: Habits): Person {
  const { answered, during, isWanted } = habits;
  const { book, visits } = arena;
  const { patienceMs, knockEveryMs } = arena.pace;
  const record: Member = { room_id, name, sessions: [], stayed: isWanted === undefined };
  let line: Line | null = null;
  let lines = 0;

  async function live(): Promise<void> {
    while (arena.phase !== 'over' && isWanted?.() !== false) {
      const door = await arena.door(random);
      const options = { door, name: `${name}/${++lines}`, book, visits, answered, patienceMs };
      line = await openLine(record, name, options);
      if (line) await during(line);
      else await pause(knockEveryMs);
    }
  }
  return {
    record,
    get isThere() {
      return line?.isOpen === true;
    },
    gone: live(),
  };
}

/** Whether the same post may be accepted later. */
export function mayRetry(answer: Answer): boolean {
  if (answer.type !== 'refused' || !(answer.code in ERRORS)) return false;
  return ERRORS[answer.code as keyof typeof ERRORS].retry;
}

/** Whether a member has been shown everything up to a seq and is still there. */
export function hasCaughtUp(person: Person, head_seq: number): boolean {
  return person.isThere && (lastSeen(person.record) ?? -1) >= head_seq;
}

/** A service that posts over HTTP, one post after the other, into any of these rooms. Resolves when it is `over`. */
export async function runService(
  arena: Arena,
  rooms: readonly string[],
  name: string,
  random: Random,
): Promise<void> {
  const again: Post[] = [];
  let lines = 1;
  while (arena.phase === 'load') {
    const { port } = (await arena.door(random)).parlor;
    const old = again.shift() ?? (random() < 0.5 ? arena.handedOver.shift() : undefined);
    const post = old ?? freshPost(random, oneOf(random, rooms), random() < 0.5 ? name : null);
    const attempt = arena.book.sent(`${name}/${lines}`, post);
    const answer = await send(port, post, arena.pace.patienceMs);
    arena.book.settle(attempt, answer);
    // What was not answered may still be decided, after what is sent from now on: so this is another line.
    if (answer.type === 'none') lines++;
    const mayComeBack =
      answer.type === 'none' || (answer.type === 'refused' && answer.code === 'unavailable');
    if (mayComeBack && random() < 0.7) again.push(post);
    else if (random() < 0.02) again.push(post);
    if (random() < 0.02)
      await changePolicy(port, oneOf(random, rooms), between(random, 10_000, 60_000), arena.pace.patienceMs);
    const { postEveryMs } = arena.pace;
    if (postEveryMs > 0) await pause(between(random, 0, 2 * postEveryMs));
  }
}

/** So that not every seq is a message's. Whether it is carried out does not matter. */
async function changePolicy(
  port: number,
  room_id: string,
  idle_ms: number,
  patienceMs: number,
): Promise<void> {
  const body = JSON.stringify({ idle_ms: Math.floor(idle_ms) });
  const headers = { 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${port}/api/rooms/${room_id}`;
  const signal = AbortSignal.timeout(patienceMs);
  await fetch(url, { method: 'PUT', headers, body, signal }).then(
    (answer) => answer.arrayBuffer(),
    () => 'the program is gone, or does not answer',
  );
}

async function send(port: number, { room_id, id, user, text }: Post, patienceMs: number): Promise<Answer> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/api/rooms/${room_id}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id, text, ...(user === null ? {} : { user }) }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const body = (await response.json()) as { readonly seq?: number; readonly code?: string };
    if (response.status === 201) return { type: 'posted', seq: body.seq ?? -1 };
    if (response.status === 202) return { type: 'queued' };
    return { type: 'refused', code: body.code ?? `status ${response.status}` };
  } catch {
    // No answer, or half of one: the program is gone.
    return { type: 'none' };
  }
}
