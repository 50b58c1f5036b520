import { decodeManyFrame } from '../../engine/codec.js';
import { frameBytes, upgradeRequest } from '../e2e/support/raw.js';
import type { Parlor } from '../support/parlor.js';
import type { Attack, Attempt } from './attack.js';
import { times, type Chance } from './chance.js';
import { POOL } from './http-requests.js';
import { openTcp, type Tcp } from './tcp.js';
import { manyFrame, wrapped } from './ws-frames.js';
import { ANSWER_MS, badClose, DROPPED, listen, opened, rave, type FrameSchemas, type Told } from './ws.js';
import { followed, NO_SEQS, welcomed, type Seqs } from './seqs.js';

/** What the frames that were sent have to be answered with. */
interface Due {
  /** Posts, refreshes, and what is no frame: each has an answer of its own. */
  answers: number;
  pongs: number;
  /** How often each room was left, and whether it was asked for after that. */
  readonly rooms: Map<string, { left: number; asked: number; isWanted: boolean }>;
}

function dueFor(due: Due, text: string): void {
  const decoded = decodeManyFrame(Buffer.from(text).toString());
  if ('fault' in decoded) {
    due.answers++;
    return;
  }
  const { frame } = decoded;
  if (frame.type === 'ping') due.pongs++;
  else if (frame.type === 'post' || frame.type === 'refresh') due.answers++;
  else if (frame.type !== 'typing') {
    const of = due.rooms.get(frame.room) ?? { left: 0, asked: 0, isWanted: false };
    due.rooms.set(frame.room, of);
    of.isWanted = frame.type === 'subscribe';
    if (of.isWanted) of.asked++;
    else of.left++;
  }
}

/** What is known of one room by the frames about it. */
interface Known {
  isIn: boolean;
  /** The last frame that has told whether it is in: it was let in, was refused, or has left by itself. */
  last: 'nothing' | 'in' | 'refused' | 'left';
  left: number;
  welcomes: number;
  seqs: Seqs;
  wrong: string | null;
}

const ANYTIME: ReadonlySet<string> = new Set(['error', 'ack', 'queued']);

function knownOf(frames: Told['frames']): Map<string, Known> {
  const rooms = new Map<string, Known>();
  for (const frame of frames) {
    const room = frame['room'];
    if (typeof room !== 'string') continue;
    const known: Known = rooms.get(room) ?? {
      ...{ isIn: false, last: 'nothing', left: 0, welcomes: 0, seqs: NO_SEQS, wrong: null },
    };
    rooms.set(room, known);
    learn(known, frame);
  }
  return rooms;
}

function learn(known: Known, frame: Told['frames'][number]): void {
  const wrong = (what: string): void => {
    known.wrong ??= `${what}: ${JSON.stringify(frame).slice(0, 300)}`;
  };
  const { type } = frame;
  if (ANYTIME.has(type)) return;
  if (type === 'welcome') {
    if (known.isIn) wrong('a second welcome');
    known.isIn = true;
    known.last = 'in';
    known.welcomes++;
    known.seqs = welcomed(frame);
  } else if (type === 'unsubscribed') {
    known.isIn = false;
    known.last = frame['code'] === undefined ? 'left' : 'refused';
    if (known.last === 'left') known.left++;
  } else if (!known.isIn) wrong('a frame of a room that it is not in');
  else if (typeof frame['seq'] === 'number') {
    const follows = followed(known.seqs, frame['seq'], frame);
    if (follows.wrong !== null) wrong(follows.wrong);
    known.seqs = follows.seqs;
  }
}

/** What is missing; null: every frame has its answer. */
function missing(due: Due, { frames }: Told): string | null {
  const count = (...types: string[]): number => frames.filter(({ type }) => types.includes(type)).length;
  const refused = frames.filter(({ type, code }) => type === 'unsubscribed' && code !== undefined).length;
  if (count('pong') < due.pongs) return `${due.pongs} pongs`;
  const answers = count('ack', 'queued', 'refreshed', 'error') + refused;
  if (answers < due.answers) return `${due.answers} answers`;
  const rooms = knownOf(frames);
  for (const [room, { left, isWanted }] of due.rooms) {
    const known = rooms.get(room);
    if ((known?.left ?? 0) < left) return `to have left ${room} ${left} times`;
    if (isWanted && known?.last !== 'in' && known?.last !== 'refused') return `a welcome to ${room}`;
  }
  return null;
}

function tooMuch(due: Due, { frames }: Told): string | null {
  for (const [room, { wrong, left, welcomes }] of knownOf(frames)) {
    const of = due.rooms.get(room);
    if (wrong !== null) return wrong;
    if (left > (of?.left ?? 0)) return `it left ${room} ${left} times, which nobody asked for`;
    if (welcomes > (of?.asked ?? 0)) return `${welcomes} welcomes to ${room}`;
  }
  return null;
}

/** Frames about several rooms, with anything in them: each is answered, and no room tells what it should not. */
async function talk(
  chance: Chance,
  tcp: Tcp,
  path: string,
  rooms: readonly string[],
  schemas: FrameSchemas,
): Promise<Attempt> {
  const request = Buffer.from(upgradeRequest(path));
  const input: Buffer[] = [request];
  tcp.write(request);
  const first = await opened(tcp, schemas);
  if (first === null) return { input, came: 'nothing', wrong: 'no answer to a handshake' };
  if (first.wrong !== null) return { input, came: 'a bad frame', wrong: first.wrong };
  if (first.frames[0]?.type !== 'hello')
    return { input, came: 'not let in', wrong: first.close === null ? null : badClose(first.close) };
  const due: Due = { answers: 0, pongs: 1, rooms: new Map() };
  let pings = 0;
  const pieces = times(1 + chance.below(30), (): Buffer => {
    const text = manyFrame(chance, rooms);
    const { frames, pings: more } = wrapped(chance, text);
    pings += more;
    dueFor(due, text);
    return Buffer.concat(frames);
  });
  pieces.push(frameBytes('{"type":"ping"}'));
  input.push(...pieces);
  // All at once, or so that answers come between them.
  if (chance.yes(0.4)) tcp.write(Buffer.concat(pieces));
  else
    for (const piece of pieces) {
      tcp.write(piece);
      if (chance.yes(0.5)) await new Promise((resolve) => setImmediate(resolve));
    }
  const last = await tcp.wait(() => {
    const told = listen(tcp.received(), schemas);
    return tcp.isOver() || (told.pongs >= pings && missing(due, told) === null) ? told : null;
  }, ANSWER_MS);
  const told = last ?? listen(tcp.received(), schemas);
  const lines = JSON.stringify(told.frames.slice(-12)).slice(-2_000);
  if (last === null)
    return { input, came: 'silence', wrong: `waits for ${String(missing(due, told))}: ${lines}` };
  const wrong = told.wrong ?? tooMuch(due, told);
  if (wrong !== null) return { input, came: 'a bad frame', wrong: `${wrong}; ${lines}` };
  if (!tcp.isOver()) return { input, came: 'answered', wrong: null };
  // uWebSockets.js drops what is far too long, without a word. A room that ends is no reason.
  const isDropped = told.close === null && input.some(({ length }) => length > DROPPED);
  return { input, came: `ended: ${String(told.close)}`, wrong: isDropped ? null : badClose(told.close) };
}

/** WebSockets of people who mean no good, each in several rooms; some of these are of honest people. */
export function manyAttack(
  parlor: Parlor,
  schemas: FrameSchemas,
  rooms: readonly string[],
  lanes: number,
): Attack {
  return {
    name: 'many',
    lanes,
    async attempt(chance) {
      const tcp = await openTcp(parlor.port);
      const path = `/ws${chance.yes(0.1) ? '/' : ''}${chance.yes(0.8) ? `?user=m${chance.below(4)}` : ''}`;
      const some = times(1 + chance.below(5), () => chance.pick([...POOL, ...rooms]));
      try {
        if (chance.yes(0.85)) return await talk(chance, tcp, path, some, schemas);
        return await rave(chance, tcp, path, schemas);
      } finally {
        // With the close of TCP, or in the midst of what is being sent.
        if (chance.yes(0.3)) tcp.finish();
        tcp.destroy();
      }
    },
  };
}
