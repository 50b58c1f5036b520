import type { FigureInfo } from '../report/result.js';
import { P50, P99, POSTS, ratio } from './columns.js';
import {
  faultsOf,
  figuresOf,
  group,
  groupOf,
  IN_MEMORY,
  planOf,
  runLoad,
  TOO_MUCH,
  warmUpMs,
} from './measure.js';
import type { Cell, RunContext, Scenario } from './scenario.js';
import type { Subject } from './subjects.js';

const QUIET_ROOMS = 999;
const QUIET_PER_SECOND = 500;
const FLOODERS = 4;
const FLOOD_IN_FLIGHT = 128;
const WITH = 'one room floods';
const WITHOUT = 'nobody floods';

const FLOOD: FigureInfo = { key: 'flood', title: 'posts/s of the flood', digits: 0 };

/** From another process than the quiet ones', and longer than they are measured. */
async function flood(context: RunContext, server: Subject): Promise<{ end(): Promise<FloodResult> }> {
  const load = context.load(
    planOf(
      [server],
      context.mode,
      [
        group({
          ...{ name: 'flood', members: FLOODERS, posters: FLOODERS },
          load: { type: 'closed', inFlight: FLOOD_IN_FLIGHT },
        }),
      ],
      { seconds: context.mode.seconds + (2 * warmUpMs(context.mode)) / 1000 },
    ),
  );
  await load.connect();
  const running = runLoad(load, [server]);
  // Whoever ends it learns how it went; until then nobody does.
  running.catch(() => undefined);
  return {
    async end() {
      const { result, cpu } = await running;
      return {
        postsPerSecond: figuresOf(groupOf(result, 'flood'), result.seconds)['posts'] ?? NaN,
        generator: cpu.generator ?? 0,
        faults: faultsOf(result, [], { refused: TOO_MUCH }),
      };
    },
  };
}

interface FloodResult {
  readonly postsPerSecond: number;
  readonly generator: number;
  readonly faults: readonly string[];
}

function cell(variant: string, floods: boolean): Cell {
  return {
    variant,
    target: 'parlor',
    async run(context) {
      const server = await context.target('parlor', IN_MEMORY);
      const load = context.load(
        planOf([server], context.mode, [
          group({
            ...{ name: 'quiet', rooms: QUIET_ROOMS, members: 2, posters: 1 },
            load: { type: 'open', perSecond: QUIET_PER_SECOND },
          }),
        ]),
      );
      await load.connect();
      const flooding = floods ? await flood(context, server) : null;
      const { result, cpu } = await runLoad(load, [server]);
      const flooded = await flooding?.end();
      const more = flooded?.generator ?? 0;
      return {
        figures: {
          ...figuresOf(groupOf(result, 'quiet'), result.seconds),
          ...(flooded ? { flood: flooded.postsPerSecond } : {}),
        },
        cpu: {
          ...cpu,
          generator: (cpu.generator ?? 0) + more,
          others: Math.max(0, (cpu.others ?? 0) - more),
        },
        faults: [...faultsOf(result, [server]), ...(flooded?.faults ?? [])],
      };
    },
  };
}

const flooded = cell(WITH, true);
const undisturbed = cell(WITHOUT, false);

export const floodScenario: Scenario = {
  name: 'flood',
  title: 'One flooding room, 999 quiet ones',
  about:
    `999 rooms of two with ${QUIET_PER_SECOND} posts a second over all of them, at a fixed rate, and beside them a room with ` +
    `${FLOODERS} posters who have ${FLOOD_IN_FLIGHT} posts in flight each, from a process of its own. The latencies are those of the quiet rooms.`,
  short: { rounds: 2, seconds: 2 },
  long: { rounds: 5, seconds: 10 },
  figures: [P50, P99, POSTS, FLOOD],
  chart: { type: 'bars', title: 'Flood: p99 of the quiet rooms, ms', figure: P99.key, digits: 2 },
  blocks: () => [{ cells: [flooded, undisturbed] }],
  comparisons: [
    ratio('p99 of the quiet rooms: with a flood to without', P99, flooded, undisturbed, { atMost: 3 }),
    ratio('p50 of the quiet rooms: with a flood to without', P50, flooded, undisturbed, null),
  ],
};
