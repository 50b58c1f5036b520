import type { FigureInfo } from '../report/result.js';
import { P50, P99, POSTS, ratio } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, IN_MEMORY, planOf, runLoad } from './measure.js';
import type { Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';

const CONNECTIONS = 18_000;
/** Few enough that each post has reached everybody before the next one. */
const POSTS_PER_SECOND = 4;
/** The slowest of so many, spread over all, is about as late as the last of all. */
const READERS = 200;

const LAST: FigureInfo = { key: 'max', title: 'to the last one, ms', digits: 1 };
const ALL = '18,000 in one room';
const ALONE = 'an unrelated room, nothing beside it';
const BESIDE = 'an unrelated room beside 18,000 in one room';

function everybody(target: SubjectName): Cell {
  return {
    variant: ALL,
    target,
    async run(context) {
      const server = await context.target(target, IN_MEMORY);
      const load = context.load(
        planOf([server], context.mode, [
          group({
            ...{ name: 'big', members: CONNECTIONS, posters: 1, readers: READERS },
            load: { type: 'open', perSecond: POSTS_PER_SECOND },
          }),
        ]),
      );
      await load.connect();
      const { result, cpu } = await runLoad(load, [server]);
      return {
        figures: figuresOf(groupOf(result, 'big'), result.seconds),
        cpu,
        faults: faultsOf(result, [server]),
      };
    },
  };
}

/** Two members, one of whom posts when he has his own message back; the big room is silent. */
function unrelated(variant: string, beside: number): Cell {
  return {
    variant,
    target: 'parlor',
    async run(context) {
      const server = await context.target('parlor', IN_MEMORY);
      const groups = [
        group({ name: 'small', members: 2, posters: 1, load: { type: 'closed', inFlight: 1 } }),
        ...(beside > 0 ? [group({ name: 'big', members: beside })] : []),
      ];
      const load = context.load(planOf([server], context.mode, groups));
      await load.connect();
      const { result, cpu } = await runLoad(load, [server]);
      return {
        figures: figuresOf(groupOf(result, 'small'), result.seconds),
        cpu,
        faults: faultsOf(result, [server]),
      };
    },
  };
}

export const bigRoom: Scenario = {
  name: 'big-room',
  title: '18,000 connections in one process, all in one room',
  about:
    `${POSTS_PER_SECOND} posts a second into a room of 18,000, and how long the last member waits for the slowest of them; ` +
    'and a room of two beside it, one post in flight, with and without those 18,000.',
  short: { rounds: 1, seconds: 2 },
  long: { rounds: 5, seconds: 5 },
  figures: [LAST, P50, P99, POSTS],
  chart: {
    type: 'bars',
    title: 'Big room: from a post to the last of 18,000, ms',
    figure: LAST.key,
    digits: 1,
  },
  blocks: () => [
    { cells: [everybody('parlor'), everybody('uws-raw')] },
    { cells: [unrelated(ALONE, 0), unrelated(BESIDE, CONNECTIONS)] },
  ],
  comparisons: [
    ratio(
      `${ALL}: to the last one, parlor to uws-raw`,
      LAST,
      { variant: ALL, target: 'parlor' },
      { variant: ALL, target: 'uws-raw' },
      { atMost: 1.2 },
    ),
    // "Unchanged": as far as one can tell two runs of the same from each other.
    ratio(
      'time per post in an unrelated room (p50): beside 18,000 to alone',
      P50,
      { variant: BESIDE, target: 'parlor' },
      { variant: ALONE, target: 'parlor' },
      { atMost: 1.1 },
    ),
  ],
};
