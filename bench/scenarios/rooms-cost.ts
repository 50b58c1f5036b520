import { readGauge } from '../targets/counters.js';
import type { FigureInfo } from '../report/result.js';
import { P50, P99, POSTS, ratio } from './columns.js';
import { httpFaults, runHttp } from './http.js';
import { complaintsOf } from './measure.js';
import type { Cell, Mode, Scenario } from './scenario.js';
import type { Subject } from './subjects.js';

const FEW = 10;
const MANY = 100_000;
const CONNECTIONS = 64;
/** Rooms stay awake while it lasts, and nobody forgets what makes them expensive. */
const SETTINGS = { STORE: 'memory', IDLE_MS: '3600000', MAX_ROOMS: '200000' };
/** Fewer than a server opens, in a window that begins with the first room and has to come to the last one. */
const OPENED_PER_SECOND = 10_000;
const LEAST_S = 0.2;
/** A window twice as long each time: a server that needs more of them is stuck. */
const OPENING_WINDOWS = 4;

const TIME: FigureInfo = { key: 'time', title: 'time a post, µs', digits: 1 };
const CPU: FigureInfo = { key: 'cpu_per_post', title: 'server CPU a post, µs', digits: 1 };
const HOLD: FigureInfo = { key: 'rooms', title: 'rooms awake', digits: 0 };

/** Posts into every room until all of them are awake, in the order in which they are measured afterwards. */
async function wake(server: Subject, mode: Mode, rooms: number): Promise<number> {
  for (let window = 0; window < OPENING_WINDOWS; window++) {
    const opening = await runHttp(server, mode, {
      ...{ connections: CONNECTIONS, load: { type: 'closed', inFlight: 1 }, rooms },
      ...{ seconds: Math.max(LEAST_S, rooms / OPENED_PER_SECOND) * 2 ** window, warmUpMs: 0 },
    });
    const faults = httpFaults(opening.result);
    if (faults.length > 0) throw new Error(`while the rooms were opened: ${faults.join('; ')}`);
    const awake = await readGauge(server.port, 'parlor_rooms');
    if (awake >= rooms) return awake;
  }
  throw new Error(`${rooms} rooms did not get awake`);
}

function cell(rooms: number): Cell {
  return {
    variant: `${rooms.toLocaleString('en')} rooms awake`,
    target: 'parlor',
    async run(context) {
      const server = await context.target('parlor', SETTINGS);
      const awake = await wake(server, context.mode, rooms);
      const { result, cpu, figures } = await runHttp(server, context.mode, {
        ...{ connections: CONNECTIONS, load: { type: 'closed', inFlight: 1 }, rooms },
      });
      const posts = figures['posts'] ?? NaN;
      return {
        figures: { ...figures, time: 1e6 / posts, cpu_per_post: (cpu.server * 1e6) / posts, rooms: awake },
        cpu,
        faults: [...httpFaults(result), ...complaintsOf([server])],
      };
    },
  };
}

const few = cell(FEW);
const many = cell(MANY);

export const roomsCost: Scenario = {
  name: 'rooms-cost',
  title: 'What a room costs the others',
  about:
    `Posts over HTTP, ${CONNECTIONS} in flight, room after room, over 10 rooms and over 100,000 that are all awake before the measurement begins. ` +
    'A thousand times as many rooms may make a post a little dearer: it finds less in the caches, and nothing of its room on the way already.',
  short: { rounds: 1, seconds: 2 },
  long: { rounds: 5, seconds: 5 },
  patience: 200,
  figures: [TIME, CPU, POSTS, P50, P99, HOLD],
  chart: { type: 'bars', title: 'Time a post over rooms awake, µs', figure: TIME.key, digits: 1 },
  blocks: () => [{ cells: [few, many] }],
  comparisons: [
    ratio('time a post: 100,000 rooms to 10', TIME, many, few, { atMost: 1.2 }),
    ratio('server CPU a post: 100,000 rooms to 10', CPU, many, few, null),
  ],
};
