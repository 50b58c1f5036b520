import { until } from '../../test/support/until.js';
import { leftOver, readHoldings } from '../attacks/holdings.js';
import type { AttackName } from '../attacks/plan.js';
import { startAttack, type Attack } from '../attacks/start.js';
import type { Load } from '../load/start.js';
import type { Cpu, FigureInfo } from '../report/result.js';
import { median } from '../report/stats.js';
import { newPlace, type StoreName } from '../stores/places.js';
import { cpuSecondsOf } from '../targets/processes.js';
import { value } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, planOf, runLoad } from './measure.js';
import type { Cell, RunContext, Scenario } from './scenario.js';
import type { Subject } from './subjects.js';

/** Those who behave: a post every other second each, in rooms of three. */
const HONEST = { rooms: 100, members: 3, perSecond: 200 };
/** Windows before and during an attack, each of `seconds`; what counts is their median. */
const WINDOWS = 3;
/** Windows before these that do not count: in the first seconds of an attack V8 compiles code that was cold. */
const WARM_UP_WINDOWS = 3;
const WARM_UP_MS = 300;
/** Seats and rooms of attackers that are gone are freed after these, so soon that nobody waits for it. */
const SETTINGS = { GRACE_MS: '1000', IDLE_MS: '1000' };
/** As they are by default where clients have tokens (api/rate-settings.ts, api/arrival-settings.ts). */
const WITH_LIMITS = {
  CONNECTIONS_PER_ADDRESS: '2000',
  CONNECTIONS_PER_USER: '100',
  JOINS_PER_ADDRESS: '50',
  FRAMES_PER_CONNECTION: '100',
  POSTS_PER_CONNECTION: '20',
  POSTS_PER_USER: '40',
  POSTS_PER_ROOM: '500',
};
/** Until what an attack has left is gone: the times above, and those after which half a request is given up, ms. */
const AFTERMATH_MS = 45_000;

/** How large each attack is. */
const SIZES: Readonly<Record<AttackName, { readonly connections: number; readonly what: string }>> = {
  'slow-http': { connections: 1_000, what: 'requests that never end, over HTTP' },
  'slow-upgrade': { connections: 1_000, what: 'handshakes and frames that never end' },
  'half-open': { connections: 10_000, what: 'half-open connections' },
  storm: { connections: 64, what: 'connects and disconnects' },
  unread: { connections: 8, what: 'sends without reading' },
  pages: { connections: 128, what: 'a flood of pages' },
  typing: { connections: 16, what: 'a flood of typing' },
  room: { connections: 4, what: 'a flood in one room, 128 posts of each in flight' },
  greedy: { connections: 8, what: 'a flood in one room, as much as the sockets take' },
};
const NAMES = Object.keys(SIZES) as AttackName[];

const BEFORE: FigureInfo = { key: 'p99_before', title: 'p99 before, ms', digits: 2 };
const DURING: FigureInfo = { key: 'p99', title: 'p99 during, ms', digits: 2 };
const RATIO: FigureInfo = { key: 'ratio', title: 'during by before', digits: 2 };
const MEDIAN: FigureInfo = { key: 'p50_ratio', title: 'p50, during by before', digits: 2 };
const REFUSED: FigureInfo = { key: 'refused', title: 'posts refused to the honest', digits: 0 };
const SENT: FigureInfo = { key: 'sent', title: 'sent/s by the attackers', digits: 0 };
const OPENED: FigureInfo = { key: 'opened', title: 'connections/s of theirs', digits: 0 };
const LEFT: FigureInfo = { key: 'left', title: 'counts not back', digits: 0 };

interface Window {
  readonly figures: Readonly<Record<string, number>>;
  readonly cpu: Cpu;
  readonly refused: number;
  readonly faults: readonly string[];
}

/** What some windows had in common. */
interface Windows {
  readonly p50: number;
  readonly p99: number;
  readonly refused: number;
  readonly cpu: Cpu;
  readonly faults: readonly string[];
}

/** Runs the honest load some times, and looks at the CPU of the attacker meanwhile. */
async function windows(load: Load, server: Subject, attack: Attack | null): Promise<Windows> {
  const all: Window[] = [];
  for (let i = 0; i < WARM_UP_WINDOWS + WINDOWS; i++) {
    let attacker = 0;
    const spent = (sign: number) => () => void (attacker += attack ? sign * cpuSecondsOf(attack.pid) : 0);
    const { result, cpu } = await runLoad(load, [server], { begun: spent(-1), ended: spent(1) });
    const honest = groupOf(result, 'honest');
    const share = attacker / result.seconds;
    all.push({
      figures: figuresOf(honest, result.seconds),
      cpu: {
        ...cpu,
        generator: (cpu.generator ?? 0) + share,
        others: Math.max(0, (cpu.others ?? 0) - share),
      },
      refused: Object.values(honest.refused).reduce((sum, count) => sum + count, 0),
      faults: faultsOf(result, [], { refused: Object.keys(honest.refused) }),
    });
  }
  const runs = all.slice(WARM_UP_WINDOWS);
  const middle = (key: string): number => median(runs.map(({ figures }) => figures[key] ?? NaN));
  const last = runs[runs.length - 1];
  if (!last) throw new Error('there was no window');
  return {
    p50: middle('p50'),
    p99: middle('p99'),
    refused: last.refused,
    cpu: last.cpu,
    faults: all.flatMap(({ faults }) => faults),
  };
}

async function connectHonest(context: RunContext, server: Subject): Promise<Load> {
  const { rooms, members, perSecond } = HONEST;
  const load = context.load(
    planOf(
      [server],
      context.mode,
      [group({ name: 'honest', rooms, members, posters: 1, load: { type: 'open', perSecond } })],
      { warmUpMs: WARM_UP_MS, processes: 1 },
    ),
  );
  await load.connect();
  return load;
}

/** Counts that are not what they were, once they have had the time to be. */
async function aftermath(port: number, before: Readonly<Record<string, number>>): Promise<string[]> {
  let left: string[] = [];
  try {
    await until(
      async () => {
        left = leftOver(before, await readHoldings(port));
        return left.length === 0;
      },
      { timeoutMs: AFTERMATH_MS, intervalMs: 200, what: () => left.join(', ') },
    );
  } catch {
    return left; // What is left is the result.
  }
  return [];
}

function cell(name: AttackName, store: StoreName, limits: 'limits' | 'no limits'): Cell {
  const { connections, what } = SIZES[name];
  return {
    variant: `${what} (${store}, ${limits})`,
    target: 'parlor',
    async run(context) {
      const place = await newPlace(store, null);
      context.defer(() => place.remove());
      const server = await context.target('parlor', {
        ...{ ...SETTINGS, ...place.settings },
        ...(limits === 'limits' ? WITH_LIMITS : {}),
      });
      const load = await connectHonest(context, server);
      const holdings = await readHoldings(server.port);
      const before = await windows(load, server, null);
      const attack = startAttack({ name, port: server.port, connections });
      context.defer(() => attack.kill());
      await attack.begun;
      const [from, begun] = [await attack.report(), performance.now()];
      const during = await windows(load, server, attack);
      const seconds = (performance.now() - begun) / 1000;
      const report = await attack.end();
      const left = await aftermath(server.port, holdings);
      return {
        figures: {
          p99_before: before.p99,
          p99: during.p99,
          ratio: during.p99 / before.p99,
          p50_ratio: during.p50 / before.p50,
          refused: during.refused,
          sent: (report.sent - from.sent) / seconds,
          opened: (report.opened - from.opened) / seconds,
          left: left.length,
        },
        cpu: during.cpu,
        faults: [...before.faults, ...during.faults, ...left],
      };
    },
  };
}

const CELLS = [
  ...NAMES.map((name) => cell(name, 'sqlite', 'no limits')),
  ...NAMES.map((name) => cell(name, 'sqlite', 'limits')),
  ...NAMES.map((name) => cell(name, 'memory', 'no limits')),
];

export const attacks: Scenario = {
  name: 'attacks',
  title: 'Under attack',
  about:
    `${HONEST.rooms} rooms of ${HONEST.members} with ${HONEST.perSecond} posts a second over all of them at a fixed rate, on one server: ${WINDOWS} windows, then ${WINDOWS} more while it is attacked, each after ${WARM_UP_WINDOWS} that do not count. ` +
    'Latencies are from a post to its readers, and of those who behave; what counts is the median of the windows. The attackers come from another address, in a process of the lowest priority: ' +
    'they take what the others leave of the machine. With limits: those that are the default with AUTH=jwt. When they are gone, open files, connections, rooms, seats, posts and reads have to be back to what they were.',
  short: { rounds: 1, seconds: 2 },
  // Each round has twelve windows already.
  long: { rounds: 3, seconds: 2 },
  // Some minutes: too long for the run that has to take less than ten.
  onlyLong: true,
  patience: 150,
  figures: [BEFORE, DURING, RATIO, MEDIAN, REFUSED, SENT, OPENED, LEFT],
  chart: {
    type: 'bars',
    title: 'Under attack: p99 of the others, during by before',
    figure: RATIO.key,
    digits: 2,
  },
  blocks: () => CELLS.map((one) => ({ cells: [one] })),
  comparisons: CELLS.flatMap((one) => [
    value(`${one.variant}: p99 of those who behave, during by before`, RATIO, one, { atMost: 3 }, '×'),
    value(`${one.variant}: counts that are not back to what they were`, LEFT, one, { atMost: 0 }),
  ]),
};
