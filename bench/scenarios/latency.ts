import type { FigureInfo } from '../report/result.js';
import { POSTS, ratio } from './columns.js';
import { IN_MEMORY } from './measure.js';
import { runRoom, type RoomLoad } from './run-room.js';
import type { Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';
import type { Group } from '../load/plan.js';

const MEMBERS = 100;
const IN_FLIGHT = 64;
const SHARES = [20, 50, 80] as const;
const VARIANT = 'one room of 100';

function p(quantile: 50 | 99, share: number): FigureInfo {
  return { key: `p${quantile}_at_${share}`, title: `p${quantile} at ${share} %, ms`, digits: 2 };
}

function room(name: string, load: Group['load']): RoomLoad {
  return { name, members: MEMBERS, posters: IN_FLIGHT, load };
}

/** First how much it can do, then shares of that at a fixed rate, on the same server. */
function cell(target: SubjectName): Cell {
  return {
    variant: VARIANT,
    target,
    async run(context) {
      const server = await context.target(target, IN_MEMORY);
      const most = await runRoom(context, server, room('most', { type: 'closed', inFlight: 1 }));
      const figures: Record<string, number> = { posts: most.figures['posts'] ?? NaN };
      const faults = [...most.faults];
      for (const share of SHARES) {
        const perSecond = ((figures['posts'] ?? NaN) * share) / 100;
        const one = await runRoom(context, server, room(`at-${share}`, { type: 'open', perSecond }));
        for (const quantile of [50, 99] as const)
          figures[p(quantile, share).key] = one.figures[`p${quantile}`] ?? NaN;
        faults.push(...one.faults);
      }
      return { figures, cpu: most.cpu, faults };
    },
  };
}

export const latency: Scenario = {
  name: 'latency',
  title: 'Latency over load',
  about:
    'A room of 100. First the most posts a second in a closed loop (64 in flight; the CPU columns are of this part), then 20, 50 and 80 % of that, each target of its own maximum, ' +
    'at a fixed rate; a latency counts from the planned time, so what had to wait for its turn is not left out.',
  short: { rounds: 2, seconds: 1 },
  long: { rounds: 5, seconds: 5 },
  patience: 150,
  figures: [POSTS, ...SHARES.flatMap((share) => [p(50, share), p(99, share)])],
  chart: {
    type: 'lines',
    title: 'Latency over load: post to delivery, p99',
    variant: VARIANT,
    xTitle: 'load, % of the target’s own maximum',
    yTitle: 'p99, ms',
    points: SHARES.map((share) => ({ x: share, figure: p(99, share).key })),
  },
  blocks: () => [{ cells: [cell('parlor'), cell('uws-raw')] }],
  comparisons: SHARES.map((share) =>
    ratio(
      `p99 at ${share} % load: parlor to uws-raw`,
      p(99, share),
      { variant: VARIANT, target: 'parlor' },
      { variant: VARIANT, target: 'uws-raw' },
      share === 50 ? { atMost: 2 } : null,
    ),
  ),
};
