import fc from 'fast-check';
import t from 'tap';
import { assign } from '../../../adapters/rabbitmq/home/assignment.js';
import { seededRandom } from '../../support/random.js';

/** Which node should be the home of which partition. */
const nodes = fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 12 });
const partitions = fc.integer({ min: 1, max: 64 });

void t.test('every node works out the same, whatever order it has heard the others in', (t) => {
  fc.assert(
    fc.property(partitions, nodes, (count, ids) => {
      const [one, other] = [assign(count, ids), assign(count, [...ids].reverse())];
      return JSON.stringify(one) === JSON.stringify(other);
    }),
  );
  t.end();
});

void t.test(
  'every partition has every node in its line, and no node is preferred for more than its share',
  (t) => {
    fc.assert(
      fc.property(partitions, nodes, (count, ids) => {
        const orders = assign(count, ids);
        const given = new Map<string | undefined, number>();
        for (const [first] of orders) given.set(first, (given.get(first) ?? 0) + 1);
        const all = JSON.stringify([...ids].sort());
        return (
          orders.length === count &&
          orders.every((order) => JSON.stringify([...order].sort()) === all) &&
          Math.max(...given.values()) <= Math.ceil(count / ids.length)
        );
      }),
    );
    t.end();
  },
);

void t.test('a node that comes or goes moves its own share, and little else', (t) => {
  const random = seededRandom(7);
  const id = (): string => Math.floor(random() * 2 ** 48).toString(16);
  const RUNS = 300;
  let toOthers = 0;
  let twice = 0;
  for (let run = 0; run < RUNS; run++) {
    const ids = [id(), id(), id(), id()];
    const [left = '', ...rest] = ids;
    const [before, after] = [assign(16, ids), assign(16, rest)];
    for (const [partition, [home]] of before.entries()) {
      const next = after[partition]?.[0];
      if (home !== left && home !== next) toOthers++;
      // Who waits next takes it at once; if that is not who should have it, it moves again.
      if (home === left && before[partition]?.[1] !== next) twice++;
    }
  }
  t.ok(toOthers / RUNS < 2, `${toOthers / RUNS} of 16 partitions move between nodes that stay`);
  t.ok(twice / RUNS < 2, `${twice / RUNS} of 16 partitions move twice`);
  t.end();
});

void t.test('without a node there is nobody to prefer', (t) => {
  t.same(assign(2, []), [[], []]);
  t.end();
});
