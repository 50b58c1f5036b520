import t from 'tap';
import { resultsMarkdown, sectionMarkdown } from '../../bench/report/markdown.js';
import type { Run, ScenarioResult } from '../../bench/report/result.js';

const run = (rate: number, faults: readonly string[] = []): Run => ({
  figures: { rate, p99: 1.234 },
  cpu: { server: 0.9, mainThread: 0.8, generator: 0.5, broker: null, others: 0.01 },
  faults,
});

const RESULT: ScenarioResult = {
  scenario: 'fan-out',
  title: 'One room',
  about: 'Everybody gets everything.',
  mode: 'short',
  command: 'make bench ARGS=fan-out',
  date: '2026-11-27T21:00:00.000Z',
  commit: 'abc1234',
  machine: { cpu: 'Some CPU', cores: 2, memoryGiB: 24, system: 'Linux 6.1', node: 'v20.20.2' },
  versions: { parlor: 'parlor 0.1.0', 'uws-raw': 'uWebSockets.js 20' },
  settings: { parlor: 'its defaults', 'uws-raw': 'as its examples' },
  rounds: 2,
  seconds: 1,
  figures: [
    { key: 'rate', title: 'deliveries/s', digits: 0 },
    { key: 'p99', title: 'p99, ms', digits: 2 },
    { key: 'absent', title: 'nobody shows it', digits: 0 },
  ],
  cells: [
    { variant: '1,000 members', target: 'parlor', runs: [run(4_000_000), run(5_000_000)] },
    { variant: '1,000 members', target: 'uws-raw', runs: [run(1_000_000), null] },
  ],
  comparisons: [
    {
      title: 'deliveries/s of parlor to uws-raw',
      figure: 'rate',
      of: { variant: '1,000 members', target: 'parlor' },
      to: { variant: '1,000 members', target: 'uws-raw' },
      as: 'ratio',
      atLeast: 5,
    },
  ],
  chart: { type: 'bars', title: 'Fan-out', figure: 'rate', digits: 0 },
  skipped: [],
  failed: [],
};

/** Cells of the table's row that begins so. */
function row(markdown: string, begins: string): string[] {
  const line = markdown.split('\n').find((one) => one.startsWith(`| ${begins}`)) ?? '';
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

t.test('a section has command, version, date, machine, chart and figures with their spread', async (t) => {
  const text = sectionMarkdown(RESULT, { chart: true });
  t.match(text, '## One room (fan-out)');
  t.match(
    text,
    '`make bench ARGS=fan-out`: the **short** version, 2 rounds of 1 s, 2026-11-27 21:00 UTC, commit abc1234',
  );
  t.match(text, '2 × Some CPU, 24 GiB, Linux 6.1, Node 20.20.2');
  t.match(text, '![Fan-out](results/fan-out.svg)');
  t.strictSame(row(text, '1,000 members | parlor'), [
    '1,000 members',
    'parlor',
    '4,500,000 (4,000,000 – 5,000,000)',
    '1.23 (1.23 – 1.23)',
    '0.90',
    '0.80',
    '0.50',
    '0.01',
  ]);
  t.notMatch(text, 'nobody shows it');
  t.notMatch(text, 'Faults');
  t.notMatch(sectionMarkdown(RESULT, { chart: false }), 'svg');
});

t.test(
  'CPU stands beside the rate: of the busiest thread beside the main one, and for each delivery',
  async (t) => {
    const { faults, figures } = run(1);
    const cpu = {
      server: 1.2,
      mainThread: 0.8,
      nextThread: 0.35,
      generator: 0.5,
      broker: null,
      others: 0.01,
    };
    const runs = [{ faults, figures: { ...figures, deliveries: 400_000 }, cpu }];
    const text = sectionMarkdown(
      { ...RESULT, cells: [{ variant: 'v', target: 'parlor', runs }] },
      { chart: false },
    );
    t.strictSame(row(text, 'what').slice(-6), [
      'CPU server',
      'its main thread',
      'its next thread',
      'generator',
      'others',
      'server, µs a delivery',
    ]);
    t.strictSame(row(text, 'v').slice(-6), ['1.20', '0.80', '0.35', '0.50', '0.01', '3.00']);
  },
);

t.test('the goal says whether it was reached, and by how much it was not', async (t) => {
  const text = sectionMarkdown(RESULT, { chart: true });
  t.strictSame(row(text, 'deliveries/s of parlor'), [
    'deliveries/s of parlor to uws-raw',
    '≥ 5 ×',
    '4',
    '4',
    '4',
    '**missed** by 1 × (20 %)',
  ]);
});

t.test('faults, failed runs and what was left out are never hidden', async (t) => {
  const faulty = run(1, ['3 lost; channel:room-0']);
  const many = Array.from({ length: 12 }, (_, i) => `line ${i}`);
  const text = sectionMarkdown(
    {
      ...RESULT,
      cells: [{ variant: 'v', target: 'parlor', runs: [run(1), faulty, run(1, many)] }],
      skipped: ['centrifugo: neither it nor Go is here'],
      failed: ['ws, v, round 1: no\nport'],
    },
    { chart: true },
  );
  t.match(text, '- parlor, v, round 2: 3 lost; channel:room-0');
  t.match(text, '- and 5 more, in the JSON file');
  t.match(text, '- centrifugo: neither it nor Go is here');
  t.match(text, '- ws, v, round 1: no port');
});

t.test('where nothing could be measured the section says why, without tables and chart', async (t) => {
  const text = sectionMarkdown(
    { ...RESULT, cells: [], comparisons: [], skipped: ['parlor-rabbitmq: there is no RabbitMQ'] },
    { chart: true },
  );
  t.match(text, 'parlor-rabbitmq: there is no RabbitMQ');
  t.notMatch(text, '![');
  t.notMatch(text, '| what');
});

t.test('RESULTS.md has all results in the order of the scenarios, with their goals on top', async (t) => {
  const other: ScenarioResult = { ...RESULT, scenario: 'alpha', title: 'Another', mode: 'long' };
  const text = resultsMarkdown([other, RESULT], ['fan-out']);
  t.ok(text.indexOf('## One room') < text.indexOf('## Another'), 'known ones first');
  t.ok(text.indexOf('## Goals') < text.indexOf('## One room'));
  t.strictSame(row(text, '[fan-out](#fan-out)'), [
    '[fan-out](#fan-out)',
    'deliveries/s of parlor to uws-raw',
    '≥ 5 ×',
    '4 ×',
    '**missed** by 1 × (20 %)',
    '`make bench ARGS=fan-out` (short)',
  ]);
  t.match(text, 'Machine: 2 × Some CPU, 24 GiB, Linux 6.1, Node 20.20.2.');
  t.match(text, '- `uws-raw`: uWebSockets.js 20; as its examples');
  const elsewhere = { ...other, machine: { ...RESULT.machine, cores: 64 } };
  t.match(resultsMarkdown([elsewhere, RESULT]), 'Measured on 2 machines');
});

t.test('a bar in a name does not break a table', async (t) => {
  const text = sectionMarkdown(
    { ...RESULT, cells: [{ variant: 'a|b', target: 'parlor', runs: [run(1)] }] },
    { chart: false },
  );
  t.match(text, '| a\\|b');
});
