import type { Socket } from 'node:net';
import type { Dialect } from './dialects.js';
import { textFrame } from './frames.js';
import { record } from './latency.js';
import { blankMarker, stamp, writeDigits } from './marker.js';
import type { Seat } from './layout.js';
import type { Tally, Window } from './tally.js';

/** What a connection has posted. */
export interface Poster {
  readonly seat: Seat;
  readonly tally: Tally;
  readonly frame: Buffer;
  readonly markerAt: number;
  /** Where the nine digits of the request's id are, -1 if it has none. */
  readonly idAt: number;
  /** Whether its posts are planned, and so may be late. */
  readonly planned: boolean;
  sent: number;
  acked: number;
  refused: number;
  /** Said to be under way, with nothing more to come about it. */
  queued: number;
  /** Planned times of posts that are yet to be written, and of those without an answer, from `answered` on. */
  due: number[];
  waiting: number[];
  answered: number;
}

const WORDS = 'A message as people write them in a chat: some words, not many, and a full stop. ';
/** A request's id has as many digits from the first on. */
const ID = '100000000';
const ID_DIGITS = ID.length - 1;

export function newPoster(
  seat: Seat,
  dialect: Dialect,
  textBytes: number,
  tally: Tally,
  planned: boolean,
): Poster {
  const marker = blankMarker(seat.index);
  const words = WORDS.repeat(Math.ceil(textBytes / WORDS.length)).slice(0, textBytes - marker.length);
  const text = dialect.post(seat.room.id, userOf(seat), words + marker);
  const frame = textFrame(text.replace('@', ID));
  return {
    seat,
    tally,
    frame,
    markerAt: frame.indexOf(marker),
    idAt: text.includes('@') ? frame.indexOf(ID) : -1,
    planned,
    sent: 0,
    acked: 0,
    refused: 0,
    queued: 0,
    due: [],
    waiting: [],
    answered: 0,
  };
}

export const userOf = (seat: Seat): string => `user-${seat.index}`;

/** A server that may answer posts, and has not answered so many, does not. */
const GIVE_UP_AFTER = 1 << 16;

/** Writes all posts that are due in one go. */
export function send(
  poster: Poster,
  socket: Socket,
  acks: Dialect['acks'],
  now: number,
  window: Window,
): void {
  const { due, frame, tally, markerAt, idAt } = poster;
  const bytes = Buffer.allocUnsafe(frame.length * due.length);
  let at = 0;
  for (const time of due) {
    poster.sent++;
    frame.copy(bytes, at);
    stamp(bytes, at + markerAt, poster.sent, time);
    if (idAt >= 0) writeDigits(bytes, at + idAt + 1, ID_DIGITS, poster.sent);
    if (poster.planned && time >= window.begin && time < window.end) record(tally.late, now - time);
    if (acks !== 'never') poster.waiting.push(time);
    at += frame.length;
  }
  if (acks === 'maybe' && poster.acked === 0 && poster.waiting.length > GIVE_UP_AFTER) poster.waiting = [];
  tally.posts += due.length;
  poster.due = [];
  socket.write(bytes);
}

const COMPACT_AFTER = 1024;

/** The planned time of the oldest post without an answer, which now has one: they come in the order of posts. */
export function answer(poster: Poster): number | undefined {
  const time = poster.waiting[poster.answered];
  if (time === undefined) return undefined;
  if (++poster.answered >= COMPACT_AFTER) {
    poster.waiting = poster.waiting.slice(poster.answered);
    poster.answered = 0;
  }
  return time;
}

export const unanswered = (poster: Poster): number => poster.waiting.length - poster.answered;
