import fc from 'fast-check';
import t from 'tap';
import { SortedMap } from '../../../engine/room/sorted-map.js';

type Step = { readonly key: string; readonly value: number | null };

/** Few keys are met again and again; many fill several pieces. */
const key = fc.oneof(
  fc.nat({ max: 30 }).map(String),
  fc.string({ maxLength: 3, unit: 'binary' }),
  fc.nat({ max: 5_000 }).map((n) => `user-${n}`),
);
const step: fc.Arbitrary<Step> = fc.record({
  key,
  value: fc.oneof({ weight: 3, arbitrary: fc.nat() }, { weight: 2, arbitrary: fc.constant(null) }),
});

function after(map: SortedMap<number>, { key, value }: Step): SortedMap<number> {
  return value === null ? map.delete(key) : map.set(key, value);
}

t.test('it is a map whose keys are sorted, and none of its versions ever changes', (t) => {
  const before = fc.array(step, { maxLength: 400, size: 'max' });
  fc.assert(
    fc.property(before, fc.array(step, { maxLength: 40 }), (filling, steps) => {
      let map = filling.reduce(after, new SortedMap<number>());
      const real = new Map([...map]);
      const versions: [SortedMap<number>, (readonly [string, number])[]][] = [];
      for (const one of steps) {
        versions.push([map, [...map]]);
        map = after(map, one);
        if (one.value === null) real.delete(one.key);
        else real.set(one.key, one.value);
        if (map.get(one.key) !== real.get(one.key) || map.has(one.key) !== real.has(one.key)) return false;
        if (map.size !== real.size) return false;
      }
      const sorted = [...real].sort(([a], [b]) => (a < b ? -1 : 1));
      const isSame = JSON.stringify([...map]) === JSON.stringify(sorted);
      const isSorted = JSON.stringify([...map.keys()]) === JSON.stringify(sorted.map(([one]) => one));
      return (
        isSame && isSorted && versions.every(([one, was]) => JSON.stringify([...one]) === JSON.stringify(was))
      );
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('what is not there is deleted without another version', (t) => {
  const map = new SortedMap<number>().set('a', 1);
  t.equal(map.delete('b'), map);
  t.equal(new SortedMap<number>().delete('b').size, 0);
  t.end();
});

t.test('ten thousand keys come and go, in whatever order', (t) => {
  const keys = Array.from({ length: 10_000 }, (_, n) => `user-${(n * 7_919) % 10_000}`);
  let map = new SortedMap<number>();
  for (const [n, one] of keys.entries()) map = map.set(one, n);
  t.equal(map.size, 10_000);
  t.ok(keys.every((one, n) => map.get(one) === n));
  for (const one of keys) map = map.delete(one);
  t.equal(map.size, 0);
  t.same([...map], []);
  t.end();
});
