import { openClient } from '../load/client.js';
import { pause } from '../load/quiet.js';
import { median } from '../report/stats.js';
import type { FigureInfo } from '../report/result.js';
import { readGauge } from '../targets/counters.js';
import { startNodes } from './cluster.js';
import { value } from './columns.js';
import { complaintsOf, group, planOf, watchCpu } from './measure.js';
import type { Cell, Scenario } from './scenario.js';
import type { Subject } from './subjects.js';

const MEMBERS = 2_000;
const JOINS = 100;
/** Until the code of both nodes is compiled; not counted. */
const WARM_UP = 20;
/** Whoever has joined stays a member as long as this lasts, so that nobody is told to have left meanwhile. */
const SETTINGS = { GRACE_MS: '120000' };
/** From the end of one join to the next one: what it has caused is over, and both nodes are at rest. */
const REST_MS = 40;
/** In `{"type":"welcome"`, and not in an error. */
const WELCOME = { letterAt: '{"type":"'.length, letter: 'w'.charCodeAt(0) };

const VARIANT = `a room of ${MEMBERS.toLocaleString('en')} at home on another node`;

const FULL: FigureInfo = {
  key: 'full',
  title: `join, room of ${MEMBERS.toLocaleString('en')}, ms`,
  digits: 2,
};
const EMPTY: FigureInfo = { key: 'empty', title: 'join, empty room, ms', digits: 2 };
const FRESH: FigureInfo = { key: 'fresh', title: 'join, new room, ms', digits: 2 };
const FULL_BYTES: FigureInfo = { key: 'full_bytes', title: 'bytes a join, full room', digits: 0 };
const EMPTY_BYTES: FigureInfo = { key: 'empty_bytes', title: 'bytes a join, empty room', digits: 0 };
const TO_EMPTY: FigureInfo = { key: 'to_empty', title: 'full by empty', digits: 2 };
const TO_FRESH: FigureInfo = { key: 'to_fresh', title: 'full by new', digits: 2 };

/** Where one joins, by the number of the join. */
const PLACES = {
  full: () => 'channel:full-0',
  empty: () => 'channel:empty',
  fresh: (n: number) => `channel:fresh-${n}`,
} as const;
type Place = keyof typeof PLACES;

interface Join {
  readonly ms: number;
  /** What the nodes have read and written for it but for WebSockets: to the broker, the store and the log. */
  readonly bytes: number;
}

async function join(nodes: readonly Subject[], port: number, room: string, user: string): Promise<Join> {
  const moved = (): number => nodes.reduce((sum, node) => sum + node.backBytes(), 0);
  const before = moved();
  const begun = performance.now();
  const client = await openClient({
    ...{ port, path: `/ws/updates/${room}?user=${user}`, greets: true, greeting: WELCOME },
    onFrame: () => undefined,
  });
  const ms = performance.now() - begun;
  // Leaving takes part in no time, but its bytes are counted: somebody who joins leaves once, too.
  await pause(REST_MS);
  client.end();
  await pause(REST_MS);
  return { ms, bytes: moved() - before };
}

const cell: Cell = {
  variant: VARIANT,
  target: 'parlor-rabbitmq',
  async run(context) {
    const nodes = await startNodes(context, 2, SETTINGS, { ROLE: 'edge' });
    const [home, other] = nodes as [Subject, Subject];
    const load = context.load(planOf([home], context.mode, [group({ name: 'full', members: MEMBERS })]));
    await load.connect();
    const joins: Record<Place, Join[]> = { full: [], empty: [], fresh: [] };
    const watch = watchCpu(nodes);
    for (let n = 0; n < WARM_UP + JOINS; n++) {
      if (n === WARM_UP) watch.begun();
      for (const [place, roomOf] of Object.entries(PLACES) as [Place, (n: number) => string][]) {
        const one = await join(nodes, other.port, roomOf(n), `joiner-${n}`);
        if (n >= WARM_UP) joins[place].push(one);
      }
    }
    watch.ended();
    const elsewhere = await readGauge(other.port, 'parlor_rooms');
    if (elsewhere > 0) throw new Error(`${elsewhere} rooms are at home on the node from which one joins`);
    const ms = (place: Place): number => median(joins[place].map((one) => one.ms));
    const bytes = (place: Place): number => median(joins[place].map((one) => one.bytes));
    return {
      figures: {
        [FULL.key]: ms('full'),
        [EMPTY.key]: ms('empty'),
        [FRESH.key]: ms('fresh'),
        [TO_EMPTY.key]: ms('full') / ms('empty'),
        [TO_FRESH.key]: ms('full') / ms('fresh'),
        [FULL_BYTES.key]: bytes('full'),
        [EMPTY_BYTES.key]: bytes('empty'),
      },
      cpu: watch.cpu(null),
      faults: complaintsOf(nodes),
    };
  },
};

export const foreignJoin: Scenario = {
  name: 'foreign-join',
  title: 'Joining a large room from another node',
  about:
    `Two nodes on one RabbitMQ and one PostgreSQL. The home of all rooms has ${MEMBERS.toLocaleString('en')} members of one room connected; ` +
    `from the other node one joins that room, an empty one that is awake, and one that has never been there, in turns, ${JOINS} times each, and leaves again. ` +
    'From connect() to the welcome, medians. Bytes are what both nodes have read and written for a join and its end beside WebSockets (broker, store, log): ' +
    'a roll call would show there, with some 60 bytes for each member.',
  short: { rounds: 1, seconds: 0.1 },
  long: { rounds: 5, seconds: 0.1 },
  onlyLong: true,
  figures: [FULL, EMPTY, FRESH, TO_EMPTY, TO_FRESH, FULL_BYTES, EMPTY_BYTES],
  chart: {
    type: 'bars',
    title: 'A join from another node into a room of 2,000, ms',
    figure: FULL.key,
    digits: 2,
  },
  blocks: () => [{ cells: [cell] }],
  comparisons: [
    value('join from another node: a room of 2,000 by an empty one', TO_EMPTY, cell, { atMost: 2 }, '×'),
    value('join from another node: a room of 2,000 by a new one', TO_FRESH, cell, null, '×'),
  ],
};
