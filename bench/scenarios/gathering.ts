import type { GatherRule } from '../../adapters/uws/gathered-outlet.js';
import { GATHER } from '../targets/gather.js';
import { DELIVERIES, ratio } from './columns.js';
import { IN_MEMORY } from './measure.js';
import { runRoom } from './run-room.js';
import type { Cell, Scenario } from './scenario.js';
import type { FigureInfo } from '../report/result.js';

const MEMBERS = 1_000;
const IN_FLIGHT = 64;
/** Posts a second at a fixed rate: about a third of what the room can do. */
const PER_SECOND = 1_500;
const RULE = 'the rule';

const BUSY: FigureInfo = { key: 'busy_p50', title: 'p50 with 64 in flight, ms', digits: 2 };
const ALONE: FigureInfo = { key: 'alone_p50', title: 'p50 with one in flight, ms', digits: 2 };
const RATE_P50: FigureInfo = { key: 'rate_p50', title: 'p50 at 1,500 posts/s, ms', digits: 2 };
const RATE_P99: FigureInfo = { key: 'rate_p99', title: 'p99 at 1,500 posts/s, ms', digits: 2 };

/** So many turns, whatever the last flush cost. */
function turns(count: number): GatherRule {
  return { least: count, most: count, share: 0 };
}

function cell(variant: string, rule: GatherRule | null): Cell {
  return {
    variant,
    target: 'parlor',
    async run(context) {
      const settings = rule === null ? IN_MEMORY : { ...IN_MEMORY, [GATHER]: JSON.stringify(rule) };
      const server = await context.target('parlor', settings);
      const room = (name: string, posters: number, load: Parameters<typeof runRoom>[2]['load']) =>
        runRoom(context, server, { name, members: MEMBERS, posters, load });
      const busy = await room('busy', IN_FLIGHT, { type: 'closed', inFlight: 1 });
      const alone = await room('alone', 1, { type: 'closed', inFlight: 1 });
      const rate = await room('rate', IN_FLIGHT, { type: 'open', perSecond: PER_SECOND });
      return {
        figures: {
          [DELIVERIES.key]: busy.figures['deliveries'] ?? NaN,
          [BUSY.key]: busy.figures['p50'] ?? NaN,
          [ALONE.key]: alone.figures['p50'] ?? NaN,
          [RATE_P50.key]: rate.figures['p50'] ?? NaN,
          [RATE_P99.key]: rate.figures['p99'] ?? NaN,
        },
        cpu: busy.cpu,
        faults: [...busy.faults, ...alone.faults, ...rate.faults],
      };
    },
  };
}

const FIXED = [1, 2, 4, 8, 12, 24];
const turnsText = (count: number): string => (count === 1 ? '1 turn' : `${count} turns`);

export const gathering: Scenario = {
  name: 'gathering',
  title: 'How long to gather',
  about:
    'A room of 1,000 in which what goes out waits for so many turns of the event loop, or as the rule of Parlor has it (2 turns, and up to 24 while they take less than half of the last flush). ' +
    'With 64 posts in flight (the CPU columns), with one, and at a fixed rate.',
  short: { rounds: 1, seconds: 1 },
  long: { rounds: 5, seconds: 3 },
  onlyLong: true,
  patience: 150,
  figures: [DELIVERIES, BUSY, ALONE, RATE_P50, RATE_P99],
  chart: {
    type: 'bars',
    title: 'Gathering: deliveries a second, 64 posts in flight',
    figure: DELIVERIES.key,
    digits: 0,
  },
  blocks: () => [
    { cells: [cell(RULE, null), ...FIXED.map((count) => cell(turnsText(count), turns(count)))] },
  ],
  comparisons: FIXED.map((count) =>
    ratio(
      `deliveries/s, 64 in flight: ${RULE} to ${turnsText(count)}`,
      DELIVERIES,
      { variant: RULE, target: 'parlor' },
      { variant: turnsText(count), target: 'parlor' },
      null,
    ),
  ),
};
