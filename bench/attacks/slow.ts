import type { Socket } from 'node:net';
import { OURS, type Crowd } from './crowd.js';
import { handshake, Wire } from './wire.js';

/** Between two lines or bytes of what never ends, ms. */
const DRIBBLE_MS = 500;
const LINE = 'X-Slow: 1\r\n';
const HEAD = 'Host: 127.0.0.1\r\n';
const BODY_BYTES = 60_000;

/** What a connection sends at first, and what now and then. */
interface Dribble {
  readonly first: string;
  /** Sent once it is welcomed: uWebSockets.js drops what follows a handshake in the same segment. */
  readonly welcomed?: Buffer;
  readonly more: string;
}

const SLOW_REQUESTS: readonly Dribble[] = [
  { first: `GET /api/rooms HTTP/1.1\r\n${HEAD}`, more: LINE },
  {
    first:
      `POST /api/rooms/slow/messages HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\n` +
      `Content-Length: ${BODY_BYTES}\r\n\r\n{"text":"`,
    more: 'x',
  },
];

const HALF_HANDSHAKE: Dribble = {
  first: handshake('channel:slow', 'slow').slice(0, -2),
  more: LINE,
};
/** The head of a masked text frame of 60,000 bytes (RFC 6455 section 5.2), with a mask of zeros. */
const FRAME_HEAD = Buffer.from([0x81, 0xfe, 0xea, 0x60, 0, 0, 0, 0]);

/** Requests that never end. Resolves when all have begun. */
export async function slowRequests(crowd: Crowd): Promise<void> {
  await dribble(crowd, (place) => SLOW_REQUESTS[place % SLOW_REQUESTS.length] ?? HALF_HANDSHAKE);
}

/** Handshakes that never end, and members whose first frame never ends. Resolves when all have begun. */
export async function slowHandshakes(crowd: Crowd): Promise<void> {
  await dribble(crowd, (place) =>
    place % 2 === 0
      ? HALF_HANDSHAKE
      : { first: handshake('channel:slow', `slow-${place}`), welcomed: FRAME_HEAD, more: 'x' },
  );
}

async function dribble(crowd: Crowd, partsOf: (place: number) => Dribble): Promise<void> {
  const waiting = new Map<Socket, Dribble['more']>();
  const timer = setInterval(() => {
    if (crowd.over) return clearInterval(timer);
    for (const [socket, more] of waiting) if (!socket.writableEnded) socket.write(more);
  }, DRIBBLE_MS);
  await crowd.fill((place) => {
    const { first, welcomed, more } = partsOf(place);
    let mine: Socket | null = null;
    const wire = new Wire(crowd, {
      welcomed() {
        if (mine === null || welcomed === undefined) return;
        mine.write(welcomed);
        waiting.set(mine, more);
      },
      answered: () => undefined,
    });
    return {
      opened(socket) {
        mine = socket;
        crowd.sent++;
        socket.write(first);
        if (welcomed === undefined) waiting.set(socket, more);
      },
      received: (chunk, length) => wire.received(chunk, length),
      ended() {
        if (mine) waiting.delete(mine);
        return wire.closeCode;
      },
    };
  });
}

const HALVES: readonly string[] = ['', 'GET /', `GET /api/rooms HTTP/1.1\r\n${HEAD}`, HALF_HANDSHAKE.first];

/** Connections that say nothing or half of something, for good. Resolves when all are open. */
export async function halfOpen(crowd: Crowd): Promise<void> {
  await crowd.fill((place) => {
    const wire = new Wire(crowd, { welcomed: () => undefined, answered: () => undefined });
    return {
      opened: (socket) => void socket.write(HALVES[place % HALVES.length] ?? ''),
      received: (chunk, length) => wire.received(chunk, length),
      ended: () => wire.closeCode,
    };
  });
}

const STORM_ROOMS = 50;

/** Connects, is welcomed and is gone; half of them without a goodbye. Resolves when each place has had its first one. */
export async function storm(crowd: Crowd): Promise<void> {
  let users = 0;
  await Promise.all(
    Array.from({ length: crowd.plan.connections }, () =>
      crowd.keep(() => {
        const user = ++users;
        let mine: Socket | null = null;
        let left = false;
        const wire = new Wire(crowd, {
          welcomed() {
            left = true;
            if (user % 2 === 0) mine?.resetAndDestroy();
            else mine?.destroy();
          },
          answered: () => undefined,
        });
        return {
          opened(socket) {
            mine = socket;
            crowd.sent++;
            socket.write(handshake(`channel:storm-${user % STORM_ROOMS}`, `passer-by-${user}`));
          },
          received: (chunk, length) => wire.received(chunk, length),
          ended: () => (left ? OURS : wire.closeCode),
        };
      }, 0),
    ),
  );
}
