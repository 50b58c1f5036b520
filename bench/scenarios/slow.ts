import type { FigureInfo } from '../report/result.js';
import { readDropped } from '../targets/counters.js';
import { DELIVERIES, P50, P99, ratio, value } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, IN_MEMORY, planOf, runLoad } from './measure.js';
import type { Cell, Scenario } from './scenario.js';

const MEMBERS = 300;
const SLOW = 3;
/** With TYPING, half of what the server can deliver: at its limit a p99 says nothing about the slow ones. */
const PER_SECOND = 200;
/** Frames that say who types, from all members who read and do not post. */
const TYPING = 100;
/** Long ones, so that what a slow member does not read has soon filled the system's buffers and the server's. */
const TEXT_BYTES = 1_500;
/** They have missed more than a client is sent by default. */
const SETTINGS = { ...IN_MEMORY, RECOVERY_LIMIT: '100000' };
const WITH = '1 % of the members do not read';
const WITHOUT = 'everybody reads';

const CLOSED: FigureInfo = { key: 'closed', title: 'closed', digits: 0 };
const TOLD: FigureInfo = { key: 'told', title: 'of them with 4508', digits: 0 };
const SPARED: FigureInfo = { key: 'spared', title: 'typing frames spared', digits: 0 };
const TYPED: FigureInfo = { key: 'others', title: 'typing frames/s', digits: 0 };
const BACK: FigureInfo = { key: 'back', title: 'back without a gap', digits: 0 };

function cell(variant: string, slow: number): Cell {
  return {
    variant,
    target: 'parlor',
    async run(context) {
      const server = await context.target('parlor', SETTINGS);
      const load = context.load(
        planOf(
          [server],
          context.mode,
          [
            group({
              ...{ name: 'room', members: MEMBERS, posters: 10, slow, typing: TYPING },
              load: { type: 'open', perSecond: PER_SECOND },
            }),
          ],
          { textBytes: TEXT_BYTES },
        ),
      );
      await load.connect();
      const { result, cpu } = await runLoad(load, [server]);
      const room = groupOf(result, 'room');
      const told = room.closed['4508'] ?? 0;
      // Who reads nothing for five seconds more cannot be told.
      const closed = told + (room.closed['none'] ?? 0);
      const spared = await readDropped(server.port, 'slow_consumer_ephemeral');
      // Everybody: those who were closed have missed something, and the others have not.
      const back = slow > 0 ? await load.reconnect() : null;
      return {
        figures: {
          ...figuresOf(room, result.seconds),
          others: room.others / result.seconds,
          ...(back
            ? {
                ...{ closed, told },
                spared,
                not_closed: slow - closed,
                back: back.recovered,
                not_back: MEMBERS - back.recovered,
              }
            : {}),
        },
        cpu,
        faults: [
          ...(closed > slow
            ? [`room: the server closed ${closed - slow} connections of members who read`]
            : []),
          ...faultsOf(result, [server], { closed: ['4508', 'none'], refused: ['slow_consumer'] }),
        ],
      };
    },
  };
}

const disturbed = cell(WITH, SLOW);
const undisturbed = cell(WITHOUT, 0);

export const slow: Scenario = {
  name: 'slow',
  title: 'Members who do not read',
  about:
    `A room of ${MEMBERS}, ${PER_SECOND} posts of ${TEXT_BYTES.toLocaleString('en')} bytes and ${TYPING} typing frames a second at a fixed rate. ${SLOW} members stop reading once they are in. ` +
    'They are to lose typing frames first, then to be closed, with 4508 if they read again within five seconds, to come back with `since` and to have missed nothing (RECOVERY_LIMIT is 100,000 here, as they miss some thousands); the others are not to notice.',
  // In 10 s a slow member's buffers do not fill.
  short: { rounds: 1, seconds: 20 },
  long: { rounds: 5, seconds: 20 },
  figures: [P50, P99, DELIVERIES, TYPED, SPARED, CLOSED, TOLD, BACK],
  chart: {
    type: 'bars',
    title: 'Members who do not read: p99 of the others, ms',
    figure: P99.key,
    digits: 2,
  },
  blocks: () => [{ cells: [disturbed, undisturbed] }],
  comparisons: [
    // "Does not move": as far as one can tell two runs of the same from each other.
    ratio('p99 of those who read: with slow members to without', P99, disturbed, undisturbed, {
      atMost: 1.2,
    }),
    value('slow members that were not closed', { ...CLOSED, key: 'not_closed' }, disturbed, {
      atMost: 0,
    }),
    value('members who came back and had missed something', { ...BACK, key: 'not_back' }, disturbed, {
      atMost: 0,
    }),
  ],
};
