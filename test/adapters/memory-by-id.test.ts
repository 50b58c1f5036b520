import t from 'tap';
import { v4, v7 } from 'uuid';
import { createById } from '../../adapters/memory/by-id.js';

t.test('finds what a map finds, in whatever order ids come and go', async (t) => {
  const ours = createById<number>();
  const theirs = new Map<string, number>();
  const ids: string[] = [];
  const orders = [() => v7(), () => v4(), () => v7({ msecs: Math.floor(Math.random() * 2e12) })];
  const wrong: string[] = [];
  for (let n = 0; n < 40_000; n++) {
    // Mostly ascending; from half-way on one that is greater than all that come later.
    const id = n === 20_000 ? 'ffffffff-ffff-7fff-bfff-ffffffffffff' : (orders[n % 16] ?? (() => v7()))();
    if (ours.has(id)) wrong.push(id);
    ours.add(id, n);
    theirs.set(id, n);
    ids.push(id);
    const old = ids[Math.floor(Math.random() * ids.length)] ?? '';
    if (ours.get(old) !== theirs.get(old)) wrong.push(old);
    if (n % 3 > 0) {
      ours.delete(old);
      theirs.delete(old);
    }
    if (ours.size !== theirs.size) wrong.push(`${ours.size} instead of ${theirs.size}`);
  }
  for (const id of ids) if (ours.get(id) !== theirs.get(id)) wrong.push(id);
  for (const id of ids) ours.delete(id);
  t.strictSame(wrong, []);
  t.equal(ours.size, 0);
  ours.add('a', 1);
  t.equal(ours.get('a'), 1, 'smaller than one that was there and is gone');
});
