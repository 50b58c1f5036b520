import type { Comparison, FigureInfo } from '../report/result.js';
import { complaintsOf, group, IN_MEMORY, planOf } from './measure.js';
import type { Block, Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';

const SIZES = [5_000, 10_000, 18_000] as const;
const LARGEST = 18_000;
const SMALLEST = 5_000;
const EVERYBODY: readonly SubjectName[] = ['parlor', 'uws-raw', 'ws', 'socket.io'];
const KIB = 1024;

type Shape = 'one room' | 'rooms of two';

export const RSS: FigureInfo = { key: 'rss', title: 'RSS a connection, B', digits: 0 };
const HEAP: FigureInfo = { key: 'heap', title: 'JavaScript heap a connection, B', digits: 0 };
const GROWN: FigureInfo = { key: 'grown', title: 'RSS in all, MiB', digits: 1 };

function variantOf(size: number, shape: Shape): string {
  return `${size.toLocaleString('en')} in ${shape}`;
}

/** Connects and does nothing else. Memory is read before the first and after the last one is in. */
export function idleCell(size: number, shape: Shape, target: SubjectName): Cell {
  return {
    variant: variantOf(size, shape),
    target,
    async run(context) {
      const server = await context.target(target, IN_MEMORY);
      const heapBefore = await server.heapBytes();
      const before = server.residentBytes();
      const load = context.load(
        planOf([server], context.mode, [
          shape === 'one room'
            ? group({ name: 'idle', members: size })
            : group({ name: 'idle', rooms: size / 2, members: 2 }),
        ]),
      );
      await load.connect();
      const grown = server.residentBytes() - before;
      // After the RSS: asking takes memory, too.
      const heapAfter = await server.heapBytes();
      const heap = heapBefore === null || heapAfter === null ? {} : { heap: (heapAfter - heapBefore) / size };
      return {
        figures: { rss: grown / size, grown: grown / 2 ** 20, grown_bytes: grown, ...heap },
        cpu: null,
        faults: complaintsOf([server]),
      };
    },
  };
}

function blocks(sizes: readonly number[], shape: Shape, targets: readonly SubjectName[]): Block[] {
  return sizes.map((size) => ({ cells: targets.map((target) => idleCell(size, shape, target)) }));
}

/** What one more connection costs between the smallest and the largest size. */
function slope(shape: Shape, target: SubjectName): Comparison {
  return {
    title: `slope of RSS, ${shape}, ${SMALLEST.toLocaleString('en')} to ${LARGEST.toLocaleString('en')}: ${target}`,
    figure: 'grown_bytes',
    of: { variant: variantOf(LARGEST, shape), target },
    to: { variant: variantOf(SMALLEST, shape), target },
    as: 'difference',
    per: LARGEST - SMALLEST,
    unit: 'B',
  };
}

/** How much more a connection takes than with uWebSockets.js alone. */
function above(shape: Shape, atMost: number): Comparison {
  const variant = variantOf(LARGEST, shape);
  return {
    title: `${variant}: RSS of parlor above uws-raw`,
    figure: RSS.key,
    of: { variant, target: 'parlor' },
    to: { variant, target: 'uws-raw' },
    as: 'difference',
    per: 1,
    unit: 'B',
    atMost,
  };
}

function below(target: SubjectName, atMost: number): Comparison {
  const variant = variantOf(LARGEST, 'one room');
  return {
    title: `${variant}: RSS a connection of parlor to ${target}`,
    figure: RSS.key,
    of: { variant, target: 'parlor' },
    to: { variant, target },
    as: 'ratio',
    atMost,
  };
}

export const idle: Scenario = {
  name: 'idle',
  title: 'Idle connections',
  about:
    'Connections that are in and silent, in one process. RSS above that of the empty server, read when the last one was in; ' +
    'the heap then, garbage included.',
  short: { rounds: 1, seconds: 0.1 },
  long: { rounds: 5, seconds: 0.1 },
  figures: [RSS, HEAP, GROWN],
  chart: { type: 'bars', title: 'Idle: bytes of RSS a connection', figure: RSS.key, digits: 0 },
  blocks: ({ long }) =>
    long
      ? [...blocks(SIZES, 'one room', EVERYBODY), ...blocks(SIZES, 'rooms of two', EVERYBODY)]
      : [
          ...blocks([SMALLEST], 'one room', ['parlor', 'uws-raw']),
          ...blocks([LARGEST], 'one room', EVERYBODY),
          ...blocks([SMALLEST, LARGEST], 'rooms of two', ['parlor', 'uws-raw']),
        ],
  comparisons: [
    above('one room', 2.5 * KIB),
    below('ws', 0.6),
    below('socket.io', 0.3),
    above('rooms of two', 4.5 * KIB),
    ...(['one room', 'rooms of two'] as const).flatMap((shape) =>
      (['parlor', 'uws-raw'] as const).map((target) => slope(shape, target)),
    ),
  ],
};
