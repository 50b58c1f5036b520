import { against, DELIVERIES, P50, P99, POSTS } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, IN_MEMORY, planOf, runLoad } from './measure.js';
import type { Block, Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';

const IN_FLIGHT = 64;
const EVERYBODY: readonly SubjectName[] = [
  'parlor-sqlite',
  'parlor',
  'uws-gathered',
  'uws-raw',
  'ws',
  'socket.io',
  'centrifugo',
];
const FASTEST: readonly SubjectName[] = ['parlor-sqlite', 'parlor', 'uws-gathered', 'uws-raw'];
const IDLE = '1,000 members, one post in flight';

/** One room, all of whose members get what some of them post, each of whom waits for his own message. */
export function roomCell(variant: string, members: number, posters: number, target: SubjectName): Cell {
  return {
    variant,
    target,
    async run(context) {
      const server = await context.target(target, IN_MEMORY);
      const load = context.load(
        planOf([server], context.mode, [
          group({ name: 'room', members, posters, load: { type: 'closed', inFlight: 1 } }),
        ]),
      );
      await load.connect();
      const { result, cpu } = await runLoad(load, [server]);
      return {
        figures: figuresOf(groupOf(result, 'room'), result.seconds),
        cpu,
        faults: faultsOf(result, [server]),
      };
    },
  };
}

function membersText(members: number): string {
  return `${members.toLocaleString('en')} members`;
}

function block(members: number, targets: readonly SubjectName[]): Block {
  return { cells: targets.map((target) => roomCell(membersText(members), members, IN_FLIGHT, target)) };
}

export const fanOut: Scenario = {
  name: 'fan-out',
  title: 'One room, 64 posts in flight',
  about:
    'Every member of one room gets every message. 64 members post, each again when it has its own message back. ' +
    'The frames of all targets have the same size; only Parlor gives them ids, an order and a memory. ' +
    '`parlor-sqlite` is what `make run` starts and keeps every message on the disk before it is answered; `parlor` keeps them in memory, the others nowhere. ' +
    '`uws-gathered` is uWebSockets.js alone with the posts of a turn published together (the ceiling), `uws-raw` the same published one by one.',
  short: { rounds: 2, seconds: 1 },
  long: { rounds: 5, seconds: 5 },
  figures: [DELIVERIES, POSTS, P50, P99],
  chart: { type: 'bars', title: 'Fan-out: deliveries a second', figure: DELIVERIES.key, digits: 0 },
  blocks: ({ long }) => [
    block(100, long ? EVERYBODY : FASTEST),
    block(1_000, long ? [...EVERYBODY, 'parlor-rabbitmq'] : EVERYBODY),
    block(5_000, long ? EVERYBODY : FASTEST),
  ],
  comparisons: [
    ...against(
      membersText(1_000),
      DELIVERIES,
      { 'uws-gathered': { atLeast: 0.85 }, parlor: null },
      'parlor-sqlite',
    ),
    ...against(membersText(1_000), DELIVERIES, {
      'uws-gathered': { atLeast: 0.95 },
      'uws-raw': { atLeast: 3.5 },
      ws: { atLeast: 20 },
      'socket.io': { atLeast: 25 },
      centrifugo: { atLeast: 3 },
    }),
    ...[100, 5_000].flatMap((members) =>
      against(membersText(members), DELIVERIES, {
        'uws-gathered': null,
        'uws-raw': null,
        ws: null,
        'socket.io': null,
        centrifugo: null,
      }),
    ),
    ...against(membersText(1_000), DELIVERIES, { 'uws-gathered': null }, 'parlor-rabbitmq'),
  ],
};

export const fanOutIdle: Scenario = {
  name: 'fan-out-idle',
  title: 'One room, one post in flight',
  about:
    'A room of 1,000 members in which one of them posts, again when it has its own message back: gathering must delay nobody.',
  short: { rounds: 3, seconds: 1 },
  long: { rounds: 7, seconds: 5 },
  figures: [P50, P99, DELIVERIES, POSTS],
  chart: { type: 'bars', title: 'An idle room: post to delivery, p50, ms', figure: P50.key, digits: 2 },
  blocks: () => [
    { cells: (['parlor', 'uws-raw'] as const).map((target) => roomCell(IDLE, 1_000, 1, target)) },
  ],
  comparisons: against(IDLE, P50, { 'uws-raw': { atMost: 1.15 } }),
};
