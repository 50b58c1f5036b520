import t from 'tap';
import { countTap } from './tap-count.js';

const counted = (...lines: string[]): Record<string, unknown> => {
  const { passed, failed, skipped, failures } = countTap(`TAP version 14\n${lines.join('\n')}\n`);
  return { passed, failed, skipped, failures: failures.map(({ path }) => path.join(' › ')) };
};

t.test('a subtest without subtests is one test, however many assertions it has', async (t) => {
  const lines = [
    '# Subtest: outer',
    '    # Subtest: first',
    '        ok 1 - a',
    '        ok 2 - b',
    '        1..2',
    '    ok 1 - first # time=1ms',
    '    # Subtest: second',
    '        1..0',
    '    ok 2 - second # time=1ms',
    '    1..2',
    'ok 1 - outer # time=2ms',
    '1..1',
  ];
  t.strictSame(counted(...lines), { passed: 2, failed: 0, skipped: 0, failures: [] });
});

t.test('a file without subtests is one test', async (t) => {
  t.strictSame(counted('ok 1 - a', 'ok 2 - b', '1..2'), { passed: 1, failed: 0, skipped: 0, failures: [] });
  t.strictSame(counted('ok 1 - a', 'not ok 2 - b', '1..2'), {
    passed: 0,
    failed: 1,
    skipped: 0,
    failures: ['b'],
  });
});

t.test('a failed assertion makes its subtest fail, and is named with its path', async (t) => {
  const lines = [
    '# Subtest: one',
    '    not ok 1 - equal',
    '    1..1',
    'not ok 1 - one',
    '# Subtest: two',
    '    ok 1',
    '    1..1',
    'ok 2 - two',
    '1..2',
  ];
  t.strictSame(counted(...lines), { passed: 1, failed: 1, skipped: 0, failures: ['one › equal'] });
});

t.test('an error outside of every subtest counts, though the subtests passed', async (t) => {
  const lines = ['# Subtest: one', '    ok 1 - a', '    1..1', 'ok 1 - one', 'not ok 2 - boom', '1..2'];
  t.strictSame(counted(...lines), { passed: 1, failed: 1, skipped: 0, failures: ['boom'] });
});

t.test('output that breaks off is a failure', async (t) => {
  const lines = [
    '# Subtest: one',
    '    ok 1 - a',
    '    1..1',
    'ok 1 - one',
    '# Subtest: two',
    '    ok 1 - b',
  ];
  t.match(counted(...lines), { passed: 1, failed: 1 });
  t.match(counted('# Subtest: one', '    ok 1 - a', '    1..1', 'ok 1 - one'), { passed: 1, failed: 1 });
  t.match(counted('# Subtest: one', '    ok 1 - a', '    1..1', 'ok 1 - one', '1..3'), {
    passed: 1,
    failed: 1,
  });
});

t.test('no test at all is a failure', async (t) => {
  t.match(counted(), { passed: 0, failed: 1 });
  t.match(counted('1..0'), { passed: 0, failed: 1 });
});

t.test('a skipped test has neither passed nor failed', async (t) => {
  const lines = [
    'ok 1 - later # SKIP',
    'not ok 2 - one day # TODO',
    '# Subtest: two',
    '    ok 1',
    '    1..1',
    'ok 3 - two',
    '1..3',
  ];
  t.strictSame(counted(...lines), { passed: 1, failed: 0, skipped: 2, failures: [] });
});

t.test('what the tests say of themselves is kept, what tap says is not', async (t) => {
  const lines = [
    '# Subtest: outer',
    '    # Subtest: inner',
    '        # seed 7',
    '        ok 1 - a',
    '        1..1',
    '    ok 1 - inner # time=1ms',
    '    # 12 posts',
    '    1..1',
    'ok 1 - outer # time=2ms',
    '',
    '1..1',
    '# { total: 1, pass: 1 }',
    '# time=2ms',
  ];
  t.same(countTap(`TAP version 14\n${lines.join('\n')}\n`).comments, ['# seed 7', '# 12 posts']);
});
