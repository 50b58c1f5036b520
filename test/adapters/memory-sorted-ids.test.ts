import fc from 'fast-check';
import t from 'tap';
import { createSortedIds } from '../../adapters/memory/sorted-ids.js';

t.test('pages of ids are those of all ids, sorted, in whatever order they came', (t) => {
  const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 1_500, size: 'max' });
  fc.assert(
    fc.property(
      ids,
      fc.option(fc.string({ maxLength: 4 }), { nil: null }),
      fc.integer({ min: 1, max: 700 }),
      (all, after, limit) => {
        const sorted = createSortedIds();
        for (const id of all) sorted.add(id);
        const expected = [...all].sort().filter((id) => after === null || id > after);
        t.strictSame(sorted.page(after, limit), expected.slice(0, limit));
      },
    ),
    { numRuns: 100 },
  );
  t.end();
});

t.test('reading page by page shows each id once, also while more are added', (t) => {
  const sorted = createSortedIds();
  for (let i = 0; i < 5_000; i++) sorted.add(`room-${(i * 7_919) % 5_000}`);
  const seen: string[] = [];
  for (let after: string | null = null; ;) {
    const page: string[] = sorted.page(after, 200);
    seen.push(...page);
    sorted.add(`new-${seen.length}`);
    if (page.length < 200) break;
    after = page.at(-1) ?? null;
  }
  t.same(seen, Array.from({ length: 5_000 }, (_, i) => `room-${i}`).sort());
  t.end();
});
