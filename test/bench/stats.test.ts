import t from 'tap';
import { compare, goalText, numberText, verdictText } from '../../bench/report/compare.js';
import type { CellResult, Comparison } from '../../bench/report/result.js';
import { median, pairwise, spreadOf } from '../../bench/report/stats.js';

t.test('a median is the middle one, or the mean of the two in the middle', async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.equal(median([7]), 7);
  t.ok(Number.isNaN(median([])));
});

t.test('a spread leaves out what is no number, and there is none of nothing', async (t) => {
  t.strictSame(spreadOf([2, null, 4, undefined, NaN, 3]), { count: 3, median: 3, min: 2, max: 4 });
  t.equal(spreadOf([null, NaN, Infinity]), null);
});

t.test('pairs are made of the same round only', async (t) => {
  t.strictSame(
    pairwise([10, null, 30, 40], [5, 5, null, 8], (a, b) => a / b),
    [2, 5],
  );
  t.strictSame(
    pairwise([10, 20], [5], (a, b) => a / b),
    [2],
  );
});

const cell = (variant: string, target: string, values: readonly (number | null)[]): CellResult => ({
  variant,
  target,
  runs: values.map((rate) => (rate === null ? null : { figures: { rate }, cpu: null, faults: [] })),
});
const CELLS = [cell('v', 'parlor', [30, 44, null, 39]), cell('v', 'raw', [10, 11, 12, 10])];
const RATIO: Comparison = {
  title: 'rate',
  figure: 'rate',
  of: { variant: 'v', target: 'parlor' },
  to: { variant: 'v', target: 'raw' },
  as: 'ratio',
};

t.test('a ratio is taken pair by pair, and the median of the pairs is what is judged', async (t) => {
  const reached = compare({ ...RATIO, atLeast: 3.5 }, CELLS);
  t.strictSame(reached.spread, { count: 3, median: 3.9, min: 3, max: 4 });
  t.equal(reached.verdict, 'reached');
  t.equal(compare({ ...RATIO, atMost: 3.9 }, CELLS).verdict, 'reached');
  t.equal(compare({ ...RATIO, atMost: 3.8 }, CELLS).verdict, 'missed');
  t.equal(compare(RATIO, CELLS).verdict, 'no goal');
});

t.test('a missed goal says by how much', async (t) => {
  t.equal(verdictText(compare({ ...RATIO, atLeast: 5.2 }, CELLS)), '**missed** by 1.30 × (25 %)');
  t.equal(goalText({ ...RATIO, atLeast: 5.2 }), '≥ 5.20 ×');
  t.equal(goalText({ ...RATIO, atMost: 2 }), '≤ 2 ×');
  t.equal(verdictText(compare({ ...RATIO, atLeast: 3 }, CELLS)), 'reached');
});

t.test('a goal for which nothing was measured is not reached', async (t) => {
  const unknown = compare({ ...RATIO, of: { variant: 'v', target: 'nobody' }, atLeast: 1 }, CELLS);
  t.equal(unknown.verdict, 'unknown');
  t.equal(verdictText(unknown), 'not measured');
});

t.test('differences and values are divided by what they are per, and have units', async (t) => {
  const slope = compare({ ...RATIO, as: 'difference', per: 2, unit: 'B', atMost: 10 }, CELLS);
  t.strictSame(slope.spread, { count: 3, median: 14.5, min: 10, max: 16.5 });
  t.equal(verdictText(slope), '**missed** by 4.50 B (45 %)');
  const value = compare({ ...RATIO, to: null, as: 'value', atMost: 0 }, CELLS);
  t.equal(value.spread?.median, 39);
  t.equal(verdictText(value), '**missed** by 39');
});

t.test('numbers have about three digits', async (t) => {
  t.strictSame([1234567, 123.4, 12.34, 1.234, 0.5, 3, NaN].map(numberText), [
    '1,234,567',
    '123',
    '12.3',
    '1.23',
    '0.50',
    '3',
    '–',
  ]);
});
