import { DELIVERIES, POSTS, ratio, type Limit } from './columns.js';
import { roomCell } from './fan-out.js';
import { idleCell, RSS } from './idle.js';
import { JOINS, stormCell } from './joins.js';
import { pairsCell } from './many-rooms.js';
import { httpCell } from './post.js';
import type { FigureInfo } from '../report/result.js';
import type { Block, Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';

const NOW: SubjectName = 'parlor';
const BEFORE: SubjectName = 'parlor-before';

const FAN_OUT = 'one room of 1,000, 64 posts in flight';
const PAIRS_1 = 'rooms of two, one post in flight per talker';
const PAIRS_8 = 'rooms of two, 8 posts in flight per talker';
const HTTP = 'posts over HTTP, 64 connections';
const IDLE = '18,000 idle in rooms of two';
const STORM = '10,000 join, 256 under way at once';

const CONNECTIONS = 18_000;
/** 0.8 KB. */
const MORE_BYTES = 819;

/** The same cell of both versions; what it is called elsewhere says too little here. */
function both(variant: string, cellOf: (target: SubjectName) => Cell): Block {
  return { cells: [NOW, BEFORE].map((target) => ({ ...cellOf(target), variant })) };
}

function toBefore(variant: string, figure: FigureInfo, limit: Limit) {
  return ratio(
    `${variant}: ${figure.title} to the version before`,
    figure,
    { variant, target: NOW },
    { variant, target: BEFORE },
    limit,
  );
}

export const before: Scenario = {
  name: 'before',
  title: 'Parlor beside the version before',
  about:
    'The same load on this version and on the one that PARLOR_BEFORE names (the folder of another checkout, built), in turns. ' +
    'The cells are those of fan-out, many-rooms, post, idle and join-storm.',
  short: { rounds: 5, seconds: 3 },
  long: { rounds: 7, seconds: 5 },
  onlyLong: true,
  figures: [POSTS, DELIVERIES, RSS, JOINS],
  chart: {
    type: 'bars',
    title: 'This version and the one before: posts a second',
    figure: POSTS.key,
    digits: 0,
  },
  blocks: () => [
    both(FAN_OUT, (target) => roomCell(FAN_OUT, 1_000, 64, target)),
    both(PAIRS_1, (target) => pairsCell(1, target)),
    both(PAIRS_8, (target) => pairsCell(8, target)),
    both(HTTP, (target) => httpCell(HTTP, target)),
    both(IDLE, (target) => idleCell(CONNECTIONS, 'rooms of two', target)),
    both(STORM, stormCell),
  ],
  comparisons: [
    toBefore(FAN_OUT, DELIVERIES, { atLeast: 0.97 }),
    toBefore(PAIRS_1, POSTS, { atLeast: 0.9 }),
    toBefore(PAIRS_8, POSTS, { atLeast: 0.9 }),
    toBefore(HTTP, POSTS, { atLeast: 0.97 }),
    {
      title: `${IDLE}: RSS a connection above the version before`,
      figure: RSS.key,
      of: { variant: IDLE, target: NOW },
      to: { variant: IDLE, target: BEFORE },
      as: 'difference',
      unit: 'B',
      atMost: MORE_BYTES,
    },
    toBefore(STORM, JOINS, { atLeast: 0.95 }),
  ],
};
