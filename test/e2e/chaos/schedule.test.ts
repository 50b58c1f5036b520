import fc from 'fast-check';
import t from 'tap';
import { clash, plan, type Happening } from './schedule.js';

const runs = fc.tuple(fc.nat(), fc.integer({ min: 5, max: 900 }));

function holds(t: Tap, name: string, rule: (all: readonly Happening[], seconds: number) => boolean): void {
  const property = fc.property(runs, ([seed, seconds]) => rule(plan(seed, seconds), seconds));
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }), name);
}
type Tap = Pick<typeof t, 'doesNotThrow'>;

const together = (all: readonly Happening[], at: number): Happening[] =>
  all.filter((one) => one.at <= at && at < one.at + one.ms);

t.test('a schedule of chaos', async (t) => {
  t.same(plan(7, 600), plan(7, 600), 'is the same for the same seed');
  t.notSame(plan(7, 600), plan(8, 600), 'and another for another');
  holds(t, 'is healed before the end', (all, seconds) =>
    all.every(({ at, ms }) => at + ms <= seconds * 1_000),
  );
  holds(t, 'is ascending', (all) => all.every(({ at }, i) => at >= (all[i - 1]?.at ?? 0)));
  holds(t, 'has no more than two happenings at once', (all) =>
    all.every(({ at }) => together(all, at).length <= 2),
  );
  holds(t, 'has none at once that get in each other’s way', (all) =>
    all.every((one) => together(all, one.at).every((two) => two === one || !clash(one.fate, two.fate))),
  );
  holds(t, 'lasts a minute only where there is time for it', (all, seconds) =>
    all.every(({ ms }) => ms <= 10_000 || seconds >= 300),
  );
  const kinds = new Set(plan(1, 3_600).map(({ fate }) => fate.type));
  t.same([...kinds].sort(), ['crash', 'cut', 'drain', 'freeze', 'kill'], 'has everything in it, in an hour');
});
