import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { check } from './check.js';
import type { Attempt, History } from './history.js';
import { FAULTS } from './faults.js';
import type { Choose } from './plant.js';
import { histories } from './simulate.js';
import { sentence, type Violation } from './violations.js';

const EMPTY: History = {
  attempts: [],
  members: [],
  rooms: [],
  visits: [],
  kicks: [],
  rosters: [],
  unsettled: [],
};

t.test('a history of rooms that keep the promises holds, over retries, crashes and reconnects', async (t) => {
  const property = fc.property(histories, (history) => {
    const violations = check(history);
    if (violations.length > 0) throw new Error(violations.map(sentence).join('\n'));
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1_000 }));
});

t.test('an empty history holds', async (t) => {
  t.same(check(EMPTY), []);
});

t.test('a post tried again elsewhere may pass what its first connection had not delivered yet', async (t) => {
  const post = (connection: string, id: string, answer: Attempt['answer']): Attempt => {
    return { connection, room_id: 'r', id, user: 'ann', text: id, sent_at: 0, answer };
  };
  const entry = (seq: number, id: string) => {
    return { seq, type: 'message_posted', message: { id, user: 'ann', text: id } };
  };
  const attempts = (second: Attempt['answer'], elsewhere: Attempt[]): Attempt[] => [
    post('ws', 'first', { type: 'none' }),
    post('ws', 'second', second),
    ...elsewhere,
  ];
  const entries = [entry(1, 'second'), entry(2, 'first')];
  const rooms = [
    { room_id: 'r', head_seq: 2, entries, capacity: null, post: 'anyone' as const, grace_ms: 0 },
  ];
  const again = post('service', 'second', { type: 'posted', seq: 1 });
  t.same(check({ ...EMPTY, attempts: attempts({ type: 'none' }, [again]), rooms }), []);
  t.match(check({ ...EMPTY, attempts: attempts({ type: 'posted', seq: 1 }, []), rooms }), [
    { kind: 'posts_unordered', first: 'first', second: 'second' },
  ]);
});

for (const [kind, faults] of Object.entries(FAULTS)) {
  for (const { name, plant } of faults) {
    t.test(`${kind}: ${name} is found and named`, async (t) => {
      const property = fc.property(histories, fc.infiniteStream(fc.nat()), (original, numbers) => {
        const history: History = structuredClone(original);
        const planted = plant(history, choosing(numbers));
        fc.pre(planted !== null);
        const expected = { kind, ...planted };
        const violations = check(history);
        if (!violations.some((one) => fits(one, expected)))
          throw new Error(
            `expected ${JSON.stringify(expected)} among:\n${violations.map((one) => JSON.stringify(one)).join('\n')}`,
          );
      });
      t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }));
    });
  }
}

function fits(violation: Violation, expected: object): boolean {
  const fields = new Map<string, unknown>(Object.entries(violation));
  return Object.entries(expected).every(([name, value]) => isDeepStrictEqual(fields.get(name), value));
}

function choosing(numbers: Iterator<number>): Choose {
  return (list) => list[Number(numbers.next().value) % Math.max(list.length, 1)];
}
