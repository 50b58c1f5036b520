import { openClient } from '../load/client.js';
import { median } from '../report/stats.js';
import type { FigureInfo } from '../report/result.js';
import { until } from '../../test/support/until.js';
import { fill } from '../stores/fill.js';
import { findPostgres } from '../stores/find-postgres.js';
import { newPlace } from '../stores/places.js';
import { readGauge } from '../targets/counters.js';
import { value } from './columns.js';
import { complaintsOf, watchCpu } from './measure.js';
import type { Cell, RunContext, Scenario } from './scenario.js';

const LONG = 1_000_000;
const SHORT = 10;
/** As many as a client that comes back is sent at most (RECOVERY_LIMIT), and all that a third room has. */
const MISSED = 1_000;
const PAGE = 10;
const ROOMS = { 'channel:long': LONG, 'channel:short': SHORT, 'channel:missed': MISSED } as const;
type Room = keyof typeof ROOMS;

const TIMES = { short: 60, long: 300 } as const;
/** Until the code is compiled and the pages are in memory; not counted. */
const WARM_UP = 15;
/** A room sleeps as soon as nobody is in it. */
const SETTINGS = { IDLE_MS: '0', GRACE_MS: '0', RETENTION_MS: '86400000' };
/** In `{"type":"welcome"`, and not in an error. */
const WELCOME = { letterAt: '{"type":"'.length, letter: 'w'.charCodeAt(0) };

/** What is timed, in the room of a million and in the one that it is compared with. */
const ACTS = {
  wake: { title: 'wake', few: 'channel:short', act: (port: number, room: Room) => join(port, room, 0) },
  page: { title: 'newest page', few: 'channel:short', act: readPage },
  since: {
    title: `since of ${MISSED}`,
    few: 'channel:missed',
    act: (port: number, room: Room) => join(port, room, MISSED),
  },
} as const;
type Act = keyof typeof ACTS;
const NAMES = Object.keys(ACTS) as Act[];

const figure = (act: Act, key: string, title: string, digits: number): FigureInfo => {
  return { key: `${act}_${key}`, title: `${ACTS[act].title}${title}`, digits };
};
const RATIOS = Object.fromEntries(
  NAMES.map((act) => [act, figure(act, 'ratio', ', long by short', 2)]),
) as Record<Act, FigureInfo>;
const MS = NAMES.flatMap((act) => [
  figure(act, 'long', ', long, ms', 2),
  figure(act, 'short', ', short, ms', 2),
]);

/** From connect() until the welcome and `missed` messages have come, ms. The room sleeps before and after. */
async function join(port: number, room: Room, missed: number): Promise<number> {
  await until(async () => (await readGauge(port, 'parlor_rooms')) === 0, {
    intervalMs: 2,
    what: 'the room to sleep',
  });
  const since = missed > 0 ? `&since=${ROOMS[room] - missed}` : '';
  let left = missed;
  let done = (): void => undefined;
  const came = new Promise<void>((resolve) => (done = resolve));
  const begun = performance.now();
  const client = await openClient({
    ...{ port, path: `/ws/updates/${room}?user=reader${since}`, greets: true, greeting: WELCOME },
    onFrame: () => {
      if (--left === 0) done();
    },
  });
  if (missed > 0) await came;
  const ms = performance.now() - begun;
  client.end();
  return ms;
}

/** The newest messages over HTTP, ms. */
async function readPage(port: number, room: Room): Promise<number> {
  const begun = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/api/rooms/${room}/messages?limit=${PAGE}`);
  const { messages } = (await answer.json()) as { readonly messages: readonly unknown[] };
  const ms = performance.now() - begun;
  if (messages.length !== PAGE) throw new Error(`a page of ${room} has ${messages.length} messages`);
  return ms;
}

async function placeFor(context: RunContext, store: 'sqlite' | 'postgres') {
  const postgres = store === 'postgres' ? await findPostgres(() => undefined) : null;
  context.defer(() => postgres?.close());
  const place = await newPlace(store, postgres);
  context.defer(() => place.remove());
  return place;
}

function cell(store: 'sqlite' | 'postgres'): Cell {
  return {
    variant: store,
    target: 'parlor',
    async run(context) {
      const place = await placeFor(context, store);
      await fill(place, ROOMS);
      const server = await context.target('parlor', { ...SETTINGS, ...place.settings });
      const figures: Record<string, number> = {};
      const watch = watchCpu([server]);
      watch.begun();
      for (const name of NAMES) {
        const { act, few } = ACTS[name];
        const [long, short]: [number[], number[]] = [[], []];
        const times = WARM_UP + (context.mode.long ? TIMES.long : TIMES.short);
        for (let n = 0; n < times; n++) {
          long.push(await act(server.port, 'channel:long'));
          short.push(await act(server.port, few));
        }
        const [inLong, inShort] = [long, short].map((all) => median(all.slice(WARM_UP))) as [number, number];
        Object.assign(figures, {
          [`${name}_long`]: inLong,
          [`${name}_short`]: inShort,
          [RATIOS[name].key]: inLong / inShort,
        });
      }
      watch.ended();
      return { figures, cpu: watch.cpu(null), faults: complaintsOf([server]) };
    },
  };
}

const cells = [cell('sqlite'), cell('postgres')];

export const longRoom: Scenario = {
  name: 'long-room',
  title: 'A room with a million messages',
  about:
    `What is dear if something counts or scans a history: a join that wakes the room (from connect() to the welcome), the newest page of ${PAGE} messages over HTTP, ` +
    `and a client that comes back and is sent ${MISSED.toLocaleString('en')} messages (from connect() to the last one). In turns in a room of ${LONG.toLocaleString('en')} ` +
    `and in one of ${SHORT}, for the last in one of ${MISSED.toLocaleString('en')}; medians. The rooms were written through the store before the server was started. ` +
    'Not in memory: there a history is an array, which ends at MEMORY_EVENTS_PER_ROOM.',
  short: { rounds: 1, seconds: 0.1 },
  long: { rounds: 5, seconds: 0.1 },
  onlyLong: true,
  patience: 400,
  figures: [...MS, ...Object.values(RATIOS)],
  chart: { type: 'bars', title: 'Waking a room of a million messages, ms', figure: 'wake_long', digits: 2 },
  blocks: () => [{ cells }],
  comparisons: cells.flatMap((one) =>
    NAMES.map((act) =>
      value(
        `${one.variant}: ${ACTS[act].title}, a room of a million by a short one`,
        RATIOS[act],
        one,
        { atMost: 1.2 },
        '×',
      ),
    ),
  ),
};
