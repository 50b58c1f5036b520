import { enterAll, Phone, type Way } from '../load/phones.js';
import type { FigureInfo } from '../report/result.js';
import { COLLECTING } from '../targets/collecting.js';
import { readGauge } from '../targets/counters.js';
import { kernelBytes } from '../targets/processes.js';
import { ratio } from './columns.js';
import { JOINS } from './joins.js';
import { complaintsOf, IN_MEMORY, watchCpu } from './measure.js';
import type { Cell, Scenario } from './scenario.js';
import type { Subject } from './subjects.js';

const ROOMS = 50;
/** Of a room. */
const MEMBERS = 100;
/** Who is there before the measurement begins, so that what a server needs once is not counted. */
const BEFORE = 100;
const MEASURED = 200;
/** Users who come in at a time. */
const AT_ONCE = 4;
/** Messages in each room while everybody is away. */
const MISSED = 3;
/** Up to so many sockets come from one address: it has 28,000 ports, and a reconnect needs as many again for a moment. */
const USERS_PER_ADDRESS = 100;
/** All rooms are joined within a second or two, and come back at once: limits of rates are not what is measured. */
const NO_LIMITS = { JOINS_PER_ADDRESS: '0', SUBSCRIBES_PER_USER: '0' };

const BYTES: FigureInfo = { key: 'bytes', title: 'bytes a user', digits: 0 };
const RSS: FigureInfo = { key: 'rss', title: 'of them RSS', digits: 0 };
const HEAP: FigureInfo = { key: 'heap', title: 'JavaScript heap a user', digits: 0 };
const BACK: FigureInfo = { key: 'back', title: 'until all have caught up, s', digits: 2 };

interface Memory {
  /** Without what V8 holds and does not use. */
  readonly rss: number;
  readonly heap: number;
  /** Both ends of the connections are on this machine, and take the same. */
  readonly kernel: number;
}

async function memoryOf(server: Subject): Promise<Memory> {
  await server.collect?.();
  const heap = (await server.heapBytes()) ?? NaN;
  // V8 keeps room for the garbage that it had, and fills it first.
  const free = (await readGauge(server.port, 'nodejs_heap_size_total_bytes')) - heap;
  return { rss: server.residentBytes() - free, heap, kernel: kernelBytes() / 2 };
}

/** The rooms of a user: a hundred users share fifty. */
function roomsOf(user: number): string[] {
  const circle = Math.floor(user / MEMBERS);
  return Array.from({ length: ROOMS }, (_, n) => `channel:circle-${circle}-${n}`);
}

function phonesOf(way: Way, port: number): Phone[] {
  return Array.from({ length: BEFORE + MEASURED }, (_, user) => {
    const from = `127.0.0.${2 + Math.floor(user / USERS_PER_ADDRESS)}`;
    return new Phone({ way, port, user: `user-${user}`, rooms: roomsOf(user), from });
  });
}

/** Somebody posts in each room. */
async function postEverywhere(port: number): Promise<void> {
  const rooms = new Set(Array.from({ length: BEFORE + MEASURED }, (_, user) => roomsOf(user)).flat());
  for (const room of rooms) {
    for (let n = 0; n < MISSED; n++) {
      const answer = await fetch(`http://127.0.0.1:${port}/api/rooms/${room}/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: `meanwhile ${n}` }),
      });
      if (answer.status !== 201) throw new Error(`${room}: ${answer.status} ${await answer.text()}`);
    }
  }
}

function cell(way: Way): Cell {
  return {
    variant: `${ROOMS} rooms, ${way}`,
    target: 'parlor',
    async run(context) {
      const server = await context.target('parlor', { ...IN_MEMORY, ...NO_LIMITS, [COLLECTING]: '1' });
      const phones = phonesOf(way, server.port);
      context.defer(() => phones.forEach((phone) => phone.cut()));
      const watch = watchCpu([server]);
      await enterAll(phones.slice(0, BEFORE), AT_ONCE);
      const before = await memoryOf(server);
      watch.begun();
      const joinMs = await enterAll(phones.slice(BEFORE), AT_ONCE);
      watch.ended();
      const after = await memoryOf(server);
      for (const phone of phones) phone.cut();
      await postEverywhere(server.port);
      const backMs = await enterAll(phones, phones.length);
      const grown = (of: keyof Memory): number => (after[of] - before[of]) / MEASURED;
      return {
        figures: {
          bytes: grown('rss') + grown('kernel'),
          rss: grown('rss'),
          heap: grown('heap'),
          joins: (MEASURED * ROOMS) / (joinMs / 1000),
          back: backMs / 1000,
        },
        cpu: watch.cpu(null),
        faults: complaintsOf([server]),
      };
    },
  };
}

const one = cell('one socket');
const each = cell('a socket a room');

export const roomsASocket: Scenario = {
  name: 'rooms-a-socket',
  title: 'Fifty rooms over one socket, and over fifty',
  about:
    `Users in ${ROOMS} rooms of ${MEMBERS} members. Bytes are the server's RSS without garbage, and what the kernel holds for its sockets (of the whole machine: it has to be quiet): what ${MEASURED} users add to ${BEFORE}. ` +
    `Then all lose their connections, miss ${MISSED} messages in each room, and are back at once.`,
  short: { rounds: 1, seconds: 0.1 },
  long: { rounds: 5, seconds: 0.1 },
  figures: [BYTES, RSS, HEAP, JOINS, BACK],
  chart: { type: 'bars', title: `${ROOMS} rooms: bytes a user`, figure: BYTES.key, digits: 0 },
  blocks: () => [{ cells: [one, each] }],
  comparisons: [
    ratio('bytes a user: one socket to fifty', BYTES, one, each, { atMost: 0.2 }),
    ratio('RSS a user: one socket to fifty', RSS, one, each, null),
    ratio('JavaScript heap a user: one socket to fifty', HEAP, one, each, null),
    ratio('joins a second: one socket to fifty', JOINS, one, each, null),
    ratio('until all have caught up: one socket to fifty', BACK, one, each, null),
  ],
};
