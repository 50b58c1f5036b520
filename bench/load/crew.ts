import type { Socket } from 'node:net';
import { kindsByLetter, KIND, type Dialect } from './dialects.js';
import { clock } from './marker.js';
import { send, type Poster } from './poster.js';
import { NEVER, type Window } from './tally.js';

/** A connection that posts, while it is there. */
interface Sender {
  readonly poster: Poster | null;
  readonly socket: Socket | null;
}

/** What the connections of one process share. */
export interface Crew {
  readonly dialect: Dialect;
  readonly kinds: Uint8Array;
  /** Payloads that are wanted while a connection comes in, by one that counts, and by one that reads. */
  readonly wants: Readonly<Record<'coming' | 'counting' | 'reading', Uint8Array>>;
  window: Window;
  posting: boolean;
  /** Everybody reads the seqs of what comes: around a reconnect. */
  tracking: boolean;
  /** When the last message or answer came, µs. */
  arrived: number;
  /** Of this turn, µs; 0: not asked for yet. */
  now: number;
  /** Who has posts to write at the end of this turn. */
  due: Sender[];
}

export function newCrew(dialect: Dialect): Crew {
  const kinds = kindsByLetter(dialect);
  const wants = (...wanted: number[]): Uint8Array =>
    kinds.map((kind) => (dialect.lines || wanted.includes(kind) ? 1 : 0));
  const talk = [KIND.error, KIND.queued, KIND.ping, KIND.reply];
  return {
    dialect,
    kinds,
    wants: {
      coming: new Uint8Array(256).fill(1),
      counting: wants(...talk),
      reading: wants(...talk, KIND.message),
    },
    window: NEVER,
    posting: false,
    tracking: false,
    arrived: 0,
    now: 0,
    due: [],
  };
}

/** The time of this turn: what is read in one go came at one time. */
export function turnTime(crew: Crew): number {
  return (crew.now ||= clock());
}

/** The end of a turn: posts of one connection that were made in it share a write. */
export function endTurn(crew: Crew): void {
  if (crew.due.length > 0) {
    const { due } = crew;
    crew.due = [];
    const now = turnTime(crew);
    for (const { poster, socket } of due)
      if (poster && socket) send(poster, socket, crew.dialect.acks, now, crew.window);
  }
  crew.now = 0;
}
