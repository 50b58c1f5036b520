import type { LoadResult } from '../load/plan.js';
import type { FigureInfo } from '../report/result.js';
import { DELIVERIES, value } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, planOf, runLoad } from './measure.js';
import { RSS_FIRST, RSS_GROWTH, RSS_LAST, RSS_LATE_GROWTH, watchMemory } from './memory.js';
import type { Cell, RunContext, Scenario } from './scenario.js';
import type { Subject } from './subjects.js';

const VARIANT = 'everything at once';
const SETTINGS = { STORE: 'memory', MEMORY_EVENTS: '5000' };
/** Members who do not read, by group: 5 of the channel, and one of each team. */
const SLOW: Readonly<Record<string, number>> = { channel: 5, teams: 100 };
const COMERS = 50;
const COME_EVERY_MS = 500;
/** Until caches are warm and the store is full: what is kept on purpose is no leak. */
const WARM_UP_MS = { short: 5_000, long: 30_000 };

const CHANNEL_P99: FigureInfo = { key: 'channel_p99', title: 'channel p99, ms', digits: 2 };
const PAIRS_P99: FigureInfo = { key: 'pairs_p99', title: 'rooms of two p99, ms', digits: 2 };
const JOINED: FigureInfo = { key: 'joined', title: 'joins/s', digits: 0 };

/** People who come and go all the time, in rooms of their own. */
function keepComing(context: RunContext, server: Subject): { end(): Promise<number> } {
  const load = context.load({
    ...planOf([server], context.mode, [group({ name: 'comers', rooms: COMERS / 5, members: 5 })]),
    connecting: 10,
  });
  let over = false;
  let joined = 0;
  const coming = (async () => {
    joined += (await load.connect()).connections;
    while (!over) {
      await new Promise((due) => setTimeout(due, COME_EVERY_MS));
      joined += (await load.reconnect()).connections;
    }
    return joined;
  })();
  // Whoever ends it learns how it went; until then nobody does.
  coming.catch(() => undefined);
  return {
    async end() {
      over = true;
      const all = await coming;
      await load.stop();
      return all;
    },
  };
}

/** Who does not read may also be closed for silence, without a code: it answers no ping. Nobody else may. */
function silentFaults({ groups }: LoadResult): string[] {
  return groups.flatMap(({ name, closed }) => {
    const { none = 0 } = closed;
    return none > (SLOW[name] ?? 0) ? [`${name}: the server closed ${none} connections without a code`] : [];
  });
}

const cell: Cell = {
  variant: VARIANT,
  target: 'parlor',
  async run(context) {
    const server = await context.target('parlor', SETTINGS);
    const load = context.load({
      ...planOf([server], context.mode, [
        group({
          ...{ name: 'channel', members: 1_000, posters: 20, slow: 5, typing: 5 },
          load: { type: 'open', perSecond: 50 },
        }),
        group({
          ...{ name: 'pairs', rooms: 2_000, members: 2, talkEvery: 5, posters: 1, typing: 50 },
          load: { type: 'open', perSecond: 1_000 },
        }),
        group({
          ...{ name: 'teams', rooms: 100, members: 20, posters: 2, slow: 1 },
          load: { type: 'open', perSecond: 100 },
        }),
      ]),
      warmUpMs: context.mode.long ? WARM_UP_MS.long : WARM_UP_MS.short,
    });
    await load.connect();
    const begun = performance.now();
    const comers = keepComing(context, server);
    const memory = watchMemory(server, context.mode.seconds);
    const { result, cpu } = await runLoad(load, [server], memory);
    const joined = await comers.end();
    const of = (name: string) => figuresOf(groupOf(result, name), result.seconds);
    return {
      figures: {
        ...memory.figures(),
        deliveries: result.groups.reduce((sum, one) => sum + one.deliveries, 0) / result.seconds,
        channel_p99: of('channel')['p99'] ?? NaN,
        pairs_p99: of('pairs')['p99'] ?? NaN,
        joined: joined / ((performance.now() - begun) / 1000),
      },
      cpu,
      faults: [
        ...faultsOf(result, [server], { closed: ['4508', 'none'], refused: ['slow_consumer'] }),
        ...silentFaults(result),
      ],
    };
  },
};

export const mixed: Scenario = {
  name: 'mixed',
  title: 'Everything at once',
  about:
    'A channel of 1,000, 2,000 rooms of two and 100 rooms of twenty, 1,150 posts a second at fixed rates, typing, members who do not read, ' +
    'and 50 people who lose their connections twice a second and come back. The memory store keeps 5,000 events here, so that it is full soon: is memory flat then?',
  short: { rounds: 1, seconds: 20 },
  long: { rounds: 1, seconds: 600 },
  figures: [DELIVERIES, CHANNEL_P99, PAIRS_P99, JOINED, RSS_FIRST, RSS_LAST, RSS_GROWTH, RSS_LATE_GROWTH],
  chart: {
    type: 'bars',
    title: 'Mixed: RSS of the last third by the first',
    figure: RSS_GROWTH.key,
    digits: 2,
  },
  blocks: () => [{ cells: [cell] }],
  comparisons: [
    value('memory is flat: RSS of the last third by the first', RSS_GROWTH, cell, { atMost: 1.1 }, '×'),
    value('RSS of the last third by the second', RSS_LATE_GROWTH, cell, { atMost: 1.02 }, '×'),
  ],
};
