import t from 'tap';
import { leftOver, readHoldings } from '../../bench/attacks/holdings.js';
import type { AttackName, AttackReport } from '../../bench/attacks/plan.js';
import { startAttack } from '../../bench/attacks/start.js';
import { startLoad } from '../../bench/load/start.js';
import type { ErrorCode } from '../../engine/errors.js';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { metrics } from './support/metrics.js';

/* The attacks of the benchmark `attacks` in small. How fast the others are served meanwhile is measured there. */

const ACTORS = ['room', 'audience', 'connection', 'bridge', 'journal'];
/** So that what attackers leave is freed while one waits for it. */
const SOON = { GRACE_MS: '200', IDLE_MS: '300' };

interface Siege {
  readonly connections: number;
  /** Statuses by which the attackers may be answered. */
  readonly statuses?: readonly number[];
  /** Codes of error frames that they may get. */
  readonly refused?: readonly ErrorCode[];
  /** How the server may end their connections, by close code; `none`: requests that do not end have no frame to be told in. */
  readonly closed?: readonly string[];
}

/** What who sends too much may be told; `slow_consumer`: it does not read its own answers either. */
const TOO_MUCH = ['rate_limited', 'unavailable', 'slow_consumer'] as const;

const SIEGES: Readonly<Record<AttackName, Siege>> = {
  'slow-http': { connections: 200, statuses: [408], closed: ['none'] },
  'slow-upgrade': { connections: 200, statuses: [101, 408], closed: ['none'] },
  // uWebSockets.js's binary for Node 20 answers 505 to half a first line.
  'half-open': { connections: 1_000, statuses: [408, 505], closed: ['none'] },
  storm: {
    connections: 32,
    statuses: [101],
    refused: TOO_MUCH,
    closed: ['4429', '4503'],
  },
  // It reads neither the answers nor the close frame.
  unread: {
    connections: 4,
    statuses: [101],
    refused: TOO_MUCH,
    closed: ['none', '4508'],
  },
  pages: { connections: 32, statuses: [200, 429, 503] },
  // Who is closed while it goes on sending may have its connection reset before it has read the close frame.
  typing: {
    connections: 8,
    statuses: [101],
    refused: TOO_MUCH,
    closed: ['none', '4429', '4508'],
  },
  room: { connections: 4, statuses: [101], refused: TOO_MUCH, closed: ['4429'] },
  greedy: {
    connections: 4,
    statuses: [101],
    refused: TOO_MUCH,
    closed: ['none', '4429', '4508'],
  },
};

/** What happened to the attackers and has no place in the list. */
function undefinedEnds({ statuses, refused, closed }: AttackReport, siege: Siege): string[] {
  const strange = (counts: Readonly<Record<string, number>>, known: readonly (string | number)[] = []) =>
    Object.entries(counts).filter(([what]) => !known.map(String).includes(what));
  return [
    ...strange(statuses, siege.statuses).map(([status, count]) => `${count} answers with ${status}`),
    ...strange(refused, siege.refused).map(([code, count]) => `${count} errors with ${code}`),
    ...strange(closed, siege.closed).map(([code, count]) => `${count} closed with ${code}`),
  ];
}

for (const [name, siege] of Object.entries(SIEGES) as [AttackName, Siege][]) {
  t.test(
    `${name}: those who behave get everything in order, and nothing is left of the attack`,
    async (t) => {
      const parlor = await startParlor({ ...SOON, STORE: 'sqlite', SQLITE_PATH: `${t.testdir()}/parlor.db` });
      t.teardown(() => parlor.end('SIGKILL'));
      const load = startLoad({
        ...{ dialect: 'parlor', ports: [parlor.port], processes: 1, connecting: 12, textBytes: 80 },
        ...{ warmUpMs: 0, seconds: 2 },
        groups: [
          {
            ...{ name: 'honest', rooms: 4, members: 3, talkEvery: 1, posters: 2 },
            load: { type: 'open', perSecond: 40 },
          },
        ],
      });
      t.teardown(() => load.stop());
      await load.connect();
      const before = await readHoldings(parlor.port);

      const attack = startAttack({ name, port: parlor.port, connections: siege.connections });
      t.teardown(() => attack.kill());
      await attack.begun;
      const { groups, faults } = await load.run();
      const report = await attack.end();

      const [honest] = groups;
      t.match(faults, { lost: 0, doubled: 0, disordered: 0 }, 'nothing is lost, doubled or out of order');
      t.ok((honest?.posts ?? 0) > 0, 'they did post');
      t.same(honest?.refused, {}, 'none of their posts is refused');
      t.same(honest?.closed, {}, 'none of them is sent away');
      t.same(
        undefinedEnds(report, siege),
        [],
        'whatever is refused to the attackers, they are told in a known way',
      );

      let left: readonly string[] = [];
      await until(async () => (left = leftOver(before, await readHoldings(parlor.port))).length === 0, {
        timeoutMs: 60_000,
        intervalMs: 100,
        what: () => `what is left of it: ${left.join(', ')}`,
      });
      t.equal((await parlor.get('/health/ready')).status, 200, 'the program lives, and is ready');
      const value = await metrics(parlor);
      for (const actor of ACTORS)
        t.equal(value(`parlor_crashes_total{actor="${actor}"}`), 0, `no crash: ${actor}`);
      t.same(
        parlor.logs.filter(({ level }) => level >= 50),
        [],
        'no error in the log',
      );
      t.equal(parlor.stderr(), '');
      t.equal(await parlor.end(), 0, 'it ends when it is told to');
    },
  );
}
