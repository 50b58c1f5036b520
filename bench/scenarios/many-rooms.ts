import { against, DELIVERIES, P50, P99, POSTS } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, IN_MEMORY, planOf, runLoad } from './measure.js';
import type { Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';

const ROOMS = 5_000;
const IN_FLIGHT = [1, 8] as const;

function variantOf(inFlight: number): string {
  return inFlight === 1 ? 'one post in flight per talker' : `${inFlight} posts in flight per talker`;
}

/** Rooms of two, every tenth of which has one who posts and has so many posts on their way. */
export function pairsCell(inFlight: number, target: SubjectName): Cell {
  return {
    variant: variantOf(inFlight),
    target,
    async run(context) {
      const settings = target === 'uws-gathered' ? { ACKS: '1' } : IN_MEMORY;
      const server = await context.target(target, settings);
      const load = context.load(
        planOf([server], context.mode, [
          group({
            ...{ name: 'pair', rooms: ROOMS, members: 2, talkEvery: 10, posters: 1 },
            load: { type: 'closed', inFlight },
          }),
        ]),
      );
      await load.connect();
      const { result, cpu } = await runLoad(load, [server]);
      return {
        figures: figuresOf(groupOf(result, 'pair'), result.seconds),
        cpu,
        faults: faultsOf(result, [server]),
      };
    },
  };
}

export const manyRooms: Scenario = {
  name: 'many-rooms',
  title: '5,000 rooms of two, every tenth talking',
  about:
    'In each talking room one of the two posts, again when it has its own message back. `uws-gathered` makes the same exchange here, ' +
    'with an ack for each post; `uws-raw` and socket.io send none. `parlor-sqlite` is what `make run` starts: each post is on the disk before it is answered.',
  short: { rounds: 2, seconds: 1 },
  long: { rounds: 5, seconds: 5 },
  figures: [POSTS, DELIVERIES, P50, P99],
  chart: { type: 'bars', title: 'Many rooms: posts a second', figure: POSTS.key, digits: 0 },
  blocks: () =>
    IN_FLIGHT.map((inFlight) => ({
      cells: (['parlor-sqlite', 'parlor', 'uws-gathered', 'uws-raw', 'socket.io'] as const).map((target) =>
        pairsCell(inFlight, target),
      ),
    })),
  comparisons: IN_FLIGHT.flatMap((inFlight) => [
    ...against(
      variantOf(inFlight),
      POSTS,
      { parlor: { atLeast: inFlight === 1 ? 0.9 : 0.8 } },
      'parlor-sqlite',
    ),
    ...against(variantOf(inFlight), POSTS, {
      'uws-gathered': { atLeast: inFlight === 1 ? 0.75 : 0.65 },
      'socket.io': { atLeast: 4 },
      'uws-raw': null,
    }),
  ]),
};
