import t from 'tap';
import type { BenchOptions } from '../../bench/runner/cli.js';
import { planScenario, runsOf } from '../../bench/runner/scenario-run.js';
import { SCENARIOS } from '../../bench/scenarios/all.js';
import { fanOut } from '../../bench/scenarios/fan-out.js';
import { SUBJECTS } from '../../bench/scenarios/subjects.js';

const SHORT: BenchOptions = {
  scenarios: [],
  targets: null,
  long: false,
  pairs: null,
  seconds: null,
  write: true,
};
const LONG = { ...SHORT, long: true };
const NOBODY_MISSING = new Map<string, string>();

t.test('every scenario has a name of its own, which is a file name, too', async (t) => {
  const names = SCENARIOS.map(({ name }) => name);
  t.equal(new Set(names).size, names.length);
  for (const name of names) t.match(name, /^[a-z]+(-[a-z]+)*$/);
});

t.test('what is compared and drawn is measured in the long version', async (t) => {
  for (const scenario of SCENARIOS) {
    const { blocks } = planScenario(scenario, LONG, NOBODY_MISSING);
    const cells = blocks.flat().map(({ variant, target }) => `${variant}, ${target}`);
    t.equal(new Set(cells).size, cells.length, `${scenario.name}: no cell twice`);
    for (const { of, to, title } of scenario.comparisons)
      for (const name of [of, ...(to ? [to] : [])])
        t.ok(cells.includes(`${name.variant}, ${name.target}`), `${scenario.name}: ${title}`);
    const { chart, figures } = scenario;
    const drawn = chart.type === 'bars' ? [chart.figure] : chart.points.map(({ figure }) => figure);
    for (const key of drawn)
      t.ok(
        figures.some((figure) => figure.key === key),
        `${scenario.name}: ${key}`,
      );
  }
});

t.test(
  'goals in the short version are those of the long one, and the long one takes five pairs where there are pairs',
  async (t) => {
    for (const scenario of SCENARIOS) {
      const cells = planScenario(scenario, SHORT, NOBODY_MISSING)
        .blocks.flat()
        .map(({ variant, target }) => `${variant}, ${target}`);
      for (const { of, to, title, atLeast, atMost } of scenario.comparisons) {
        if (atLeast === undefined && atMost === undefined) continue;
        for (const name of [of, ...(to ? [to] : [])])
          t.ok(cells.includes(`${name.variant}, ${name.target}`), `${scenario.name}: ${title}`);
        if (to) t.ok(scenario.long.rounds >= 5, `${scenario.name}: ${title}`);
      }
    }
  },
);

t.test('targets that are not asked for are left out, and those that are missing are told', async (t) => {
  const missing = new Map([['centrifugo', 'there is no centrifugo on PATH']]);
  const all = planScenario(fanOut, SHORT, missing);
  t.strictSame(all.skipped, ['centrifugo: there is no centrifugo on PATH']);
  t.notOk(all.blocks.flat().some(({ target }) => target === 'centrifugo'));
  const two = planScenario(fanOut, { ...SHORT, targets: ['parlor', 'ws'], pairs: 7 }, missing);
  t.strictSame(two.skipped, []);
  t.strictSame(
    two.blocks.map((cells) => cells.map(({ target }) => target)),
    [['parlor'], ['parlor', 'ws'], ['parlor']],
  );
  t.equal(runsOf(two), 28);
  const none = planScenario(fanOut, { ...SHORT, targets: ['amqp-bare'] }, missing);
  t.strictSame([none.blocks, none.skipped], [[], []]);
});

t.test('everything that a scenario measures can be asked for by its name', async (t) => {
  const used = SCENARIOS.flatMap((scenario) =>
    planScenario(scenario, LONG, NOBODY_MISSING)
      .blocks.flat()
      .map(({ target }) => target),
  );
  t.strictSame([...new Set(used)].sort(), [...SUBJECTS].sort());
});
