import type { FigureInfo } from '../report/result.js';
import { value } from './columns.js';
import { httpFaults, runHttp } from './http.js';
import { complaintsOf, faultsOf, figuresOf, group, groupOf, planOf, runLoad, TOO_MUCH } from './measure.js';
import { RSS_FIRST, RSS_GROWTH, RSS_LAST, watchMemory } from './memory.js';
import type { Cell, Scenario } from './scenario.js';

const HTTP = 'over HTTP';
const SOCKETS = 'over WebSockets';
const TIMES = 2;
const ROOMS = 100;
/** So few that the memory store is full soon: what is kept on purpose is no leak. */
const SETTINGS = { STORE: 'memory', MEMORY_EVENTS: '20000' };
/**
 * Each has one post under way at most, so few of them could not ask for too much. The most is measured with as many: a
 * post over one of 8,000 connections costs more than over one of 256, however few are under way. `few` is for comparison.
 */
const CONNECTIONS = { few: 256, many: 8_000 };
/** Of each of the hundred posters: the more are under way, the more share the work. No more than a node lets in. */
const IN_FLIGHT = 32;
/** Until the heap is as large as this load makes it: V8 lets it grow for some seconds, and that is no leak. */
const WARM_UP_MS = 5_000;

const MOST: FigureInfo = { key: 'most', title: 'most posts/s', digits: 0 };
const MOST_OF_FEW: FigureInfo = { key: 'most_of_few', title: 'most with 256 connections', digits: 0 };
const OFFERED: FigureInfo = { key: 'offered', title: 'offered/s', digits: 0 };
const GOOD: FigureInfo = { key: 'good', title: 'accepted/s', digits: 0 };
const GOODPUT: FigureInfo = { key: 'goodput', title: 'accepted of the most', digits: 2 };
const REFUSED: FigureInfo = { key: 'refused', title: 'refused/s', digits: 0 };
const P99: FigureInfo = { key: 'p99', title: 'p99 of the accepted, ms', digits: 1 };
const SILENT: FigureInfo = { key: 'no_retry_after', title: 'refused without Retry-After', digits: 0 };

const overHttp: Cell = {
  variant: HTTP,
  target: 'parlor',
  async run(context) {
    const server = await context.target('parlor', SETTINGS);
    const closed = { load: { type: 'closed', inFlight: 1 }, rooms: ROOMS } as const;
    const few = await runHttp(server, context.mode, { ...closed, connections: CONNECTIONS.few });
    const most = await runHttp(server, context.mode, { ...closed, connections: CONNECTIONS.many });
    const sustainable = most.figures['posts'] ?? NaN;
    const memory = watchMemory(server, context.mode.seconds);
    const { result, cpu, figures } = await runHttp(
      server,
      context.mode,
      {
        ...{ connections: CONNECTIONS.many, rooms: ROOMS, warmUpMs: WARM_UP_MS },
        load: { type: 'open', perSecond: sustainable * TIMES },
      },
      memory,
    );
    const refused = (result.byStatus['429'] ?? 0) + (result.byStatus['503'] ?? 0);
    return {
      figures: {
        ...memory.figures(),
        most: sustainable,
        most_of_few: few.figures['posts'] ?? NaN,
        offered: (result.posts + result.unsent) / result.seconds,
        good: figures['posts'] ?? NaN,
        goodput: (figures['posts'] ?? NaN) / sustainable,
        refused: refused / result.seconds,
        p99: figures['p99'] ?? NaN,
        no_retry_after: refused - result.retryAfter,
      },
      cpu,
      faults: [
        ...httpFaults(few.result),
        // Of so many connections more than the node lets in ask at once.
        ...[most.result, result].flatMap((one) => httpFaults(one, ['429', '503'])),
        ...complaintsOf([server]),
      ],
    };
  },
};

const overSockets: Cell = {
  variant: SOCKETS,
  target: 'parlor',
  async run(context) {
    const server = await context.target('parlor', SETTINGS);
    const talk = { rooms: ROOMS, members: 2, posters: 1 };
    const first = context.load(
      planOf([server], context.mode, [
        group({ name: 'most', ...talk, load: { type: 'closed', inFlight: IN_FLIGHT } }),
      ]),
    );
    await first.connect();
    const most = (await runLoad(first, [server])).result;
    await first.stop();
    const sustainable = figuresOf(groupOf(most, 'most'), most.seconds)['acks'] ?? NaN;
    const load = context.load(
      planOf(
        [server],
        context.mode,
        [group({ name: 'over', ...talk, load: { type: 'open', perSecond: sustainable * TIMES } })],
        { warmUpMs: WARM_UP_MS },
      ),
    );
    await load.connect();
    const memory = watchMemory(server, context.mode.seconds);
    const { result, cpu } = await runLoad(load, [server], memory);
    const over = groupOf(result, 'over');
    const figures = figuresOf(over, result.seconds);
    const refused = Object.values(over.refused).reduce((sum, count) => sum + count, 0);
    return {
      figures: {
        ...memory.figures(),
        most: sustainable,
        offered: figures['posts'] ?? NaN,
        good: figures['acks'] ?? NaN,
        goodput: (figures['acks'] ?? NaN) / sustainable,
        // Counted from the first post on.
        refused: refused / (WARM_UP_MS / 1000 + result.seconds),
        // To its own message, which tells when it was planned: a refusal comes before the acks of earlier posts.
        ...('p99' in figures ? { p99: figures['p99'] } : {}),
      },
      cpu,
      faults: [...faultsOf(most, []), ...faultsOf(result, [server], { refused: TOO_MUCH })],
    };
  },
};

export const overload: Scenario = {
  name: 'overload',
  title: 'Twice what is sustainable',
  about:
    `First the most posts a second in a closed loop over ${ROOMS} rooms and the same connections, then ${TIMES} times as many at a fixed rate. What cannot be served is to be refused with 429 or 503 ` +
    'and Retry-After (over WebSockets: `error`), the rest is to go on, and memory is to stay flat (the memory store keeps 20,000 events here). ' +
    'A generator on the same machine may offer less than it is asked to: “offered” is what it did.',
  short: { rounds: 1, seconds: 3 },
  long: { rounds: 5, seconds: 20 },
  figures: [MOST, MOST_OF_FEW, OFFERED, GOOD, GOODPUT, REFUSED, SILENT, P99, RSS_FIRST, RSS_LAST, RSS_GROWTH],
  chart: { type: 'bars', title: 'Overload: accepted of the most', figure: GOODPUT.key, digits: 2 },
  blocks: () => [{ cells: [overHttp, overSockets] }],
  comparisons: [
    ...[overHttp, overSockets].flatMap((cell) => [
      value(`${cell.variant}: accepted of the most`, GOODPUT, cell, { atLeast: 0.8 }, '×'),
      value(`${cell.variant}: RSS of the last third by the first`, RSS_GROWTH, cell, { atMost: 1.1 }, '×'),
    ]),
    value(`${HTTP}: refusals without Retry-After`, SILENT, overHttp, { atMost: 0 }),
  ],
};
