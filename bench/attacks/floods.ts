import type { Socket } from 'node:net';
import { createAnswerReader } from '../load/http-answers.js';
import { textFrame } from '../load/frames.js';
import type { Crowd } from './crowd.js';
import { handshake, Wire } from './wire.js';

/** Frames in one write of a flood that waits for nothing. */
const AT_ONCE = 64;

interface Flood {
  readonly frame: Buffer;
  /** Posts of a connection without an answer; null: it waits for none. */
  readonly inFlight: number | null;
  readonly reads: boolean;
  /** Rooms that the connections are spread over. */
  readonly rooms: number;
}

const post = (characters: number): Buffer =>
  textFrame(JSON.stringify({ type: 'post', text: 'x'.repeat(characters) }));

export const FLOODS = {
  room: { frame: post(100), inFlight: 128, reads: true, rooms: 1 },
  greedy: { frame: post(100), inFlight: null, reads: true, rooms: 1 },
  // Long ones, so that what it does not read soon fills all buffers.
  unread: { frame: post(1_500), inFlight: null, reads: false, rooms: 2 },
  typing: { frame: textFrame('{"type":"typing"}'), inFlight: null, reads: true, rooms: 4 },
} as const satisfies Readonly<Record<string, Flood>>;

/** Members who send as much as they can. Resolves when all have begun. */
export async function flood(crowd: Crowd, name: keyof typeof FLOODS): Promise<void> {
  const { frame, inFlight, reads, rooms }: Flood = FLOODS[name];
  const block = Buffer.concat(Array.from({ length: inFlight ?? AT_ONCE }, () => frame));
  const begun = new Set<number>();
  let all = (): void => undefined;
  const everybody = new Promise<void>((resolve) => (all = resolve));
  await crowd.fill((place) => {
    let mine: Socket | null = null;

    function send(frames: number): boolean {
      if (mine === null || crowd.over || mine.destroyed) return false;
      crowd.sent += frames;
      return mine.write(block.subarray(0, frames * frame.length));
    }
    /** As much as the socket takes, and other sockets in between. */
    function push(): void {
      if (mine === null || crowd.over || mine.destroyed) return;
      if (send(AT_ONCE)) setImmediate(push);
      else mine.once('drain', push);
    }
    const wire = new Wire(crowd, {
      welcomed() {
        begun.add(place);
        if (begun.size === crowd.plan.connections) all();
        if (!reads) mine?.pause();
        if (inFlight === null) push();
        else send(inFlight);
      },
      answered(posts) {
        if (inFlight !== null) send(posts);
      },
    });
    return {
      opened(socket) {
        mine = socket;
        socket.write(handshake(`channel:${name}-${place % rooms}`, `flooder-${place}`));
      },
      received: (chunk, length) => wire.received(chunk, length),
      ended: () => wire.closeCode,
    };
  });
  await everybody;
}

const PAGES_ROOM = 'channel:pages';
/** Messages of the room whose history is asked for: as many as the longest page has, of the longest text. */
const PAGE = { messages: 100, characters: 2_000 };
const PAGE_REQUEST = Buffer.from(
  `GET /api/rooms/${PAGES_ROOM}/messages?limit=${PAGE.messages} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
);

/** One page after the other on each connection. Resolves when all have begun. */
export async function pages(crowd: Crowd): Promise<void> {
  await writeHistory(crowd.plan.port);
  await crowd.fill(() => {
    let mine: Socket | null = null;
    const ask = (): void => {
      if (crowd.over) return;
      crowd.sent++;
      mine?.write(PAGE_REQUEST);
    };
    const read = createAnswerReader(({ status }) => {
      crowd.answered(status);
      ask();
    });
    return {
      opened(socket) {
        mine = socket;
        ask();
      },
      received: (chunk, length) => read(chunk, length),
    };
  });
}

async function writeHistory(port: number): Promise<void> {
  for (let n = 0; n < PAGE.messages; n++) {
    const answer = await fetch(`http://127.0.0.1:${port}/api/rooms/${PAGES_ROOM}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'x'.repeat(PAGE.characters), user: 'historian' }),
    });
    if (answer.status !== 201) throw new Error(`the history could not be written: ${answer.status}`);
    await answer.arrayBuffer();
  }
}
