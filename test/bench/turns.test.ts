import t from 'tap';
import type { Run } from '../../bench/report/result.js';
import { createScope, within } from '../../bench/runner/scope.js';
import { takeTurns } from '../../bench/runner/turns.js';

const CELLS = [
  { variant: 'v', target: 'a' },
  { variant: 'v', target: 'b' },
];
const run = (rate: number): Run => ({ figures: { rate }, cpu: null, faults: [] });

t.test('cells take turns, one after the other: A B A B', async (t) => {
  const order: string[] = [];
  const result = await takeTurns(CELLS, 3, async ({ target }, round) => {
    order.push(`${target}${round} begins`);
    await Promise.resolve();
    order.push(`${target}${round} ends`);
    return run(round);
  });
  t.strictSame(
    order,
    ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'].flatMap((one) => [`${one} begins`, `${one} ends`]),
  );
  t.strictSame(result, {
    cells: CELLS.map((cell) => ({ ...cell, runs: [run(1), run(2), run(3)] })),
    failed: [],
  });
});

t.test('a run that fails is told, leaves a gap in its round, and the rest goes on', async (t) => {
  const told: string[] = [];
  const result = await takeTurns(
    CELLS,
    2,
    async ({ target }, round) => {
      if (target === 'a' && round === 1) throw new Error('no port');
      return run(round);
    },
    {
      begins: ({ cell, round }) => told.push(`${cell.target}${round}`),
      ends: ({ cell, round }, done, error) => told.push(`${cell.target}${round} ${done ? 'ok' : error}`),
    },
  );
  t.strictSame(
    result.cells.map(({ runs }) => runs),
    [
      [null, run(2)],
      [run(1), run(2)],
    ],
  );
  t.strictSame(result.failed, ['a, v, round 1: no port']);
  t.strictSame(told, ['a1', 'a1 no port', 'b1', 'b1 ok', 'a2', 'a2 ok', 'b2', 'b2 ok']);
});

t.test('everything a run has started is stopped, the last one first, whatever fails', async (t) => {
  const stopped: string[] = [];
  const scope = createScope();
  scope.defer(() => void stopped.push('server'));
  scope.defer(() => {
    throw new Error('stuck');
  });
  scope.defer(async () => void stopped.push('load'));
  await t.rejects(scope.close(), { message: 'stuck' });
  t.strictSame(stopped, ['load', 'server']);
  await scope.close();
  t.equal(stopped.length, 2, 'and only once');
});

t.test('what hangs is given up', async (t) => {
  await t.rejects(within(20, 'it hung', new Promise(() => undefined)), { message: 'it hung after 0 s' });
  t.equal(await within(10_000, 'it hung', Promise.resolve(7)), 7);
});

t.test('what is started for a run that was given up is stopped, too', async (t) => {
  const scope = createScope();
  await scope.close();
  let stopped = false;
  scope.defer(() => void (stopped = true));
  t.ok(stopped);
});
