import t from 'tap';
import { validate, version } from 'uuid';
import { newId } from '../../engine/ids.js';

/** More than the ids whose randomness is fetched at once, and more than one millisecond brings. */
const MANY = 20_000;

t.test('ids are UUIDs v7 of now, and each is greater than the one before', async (t) => {
  const from = Date.now();
  const ids = Array.from({ length: MANY }, newId);
  const to = Date.now();
  t.ok(ids.every((id) => validate(id) && version(id) === 7));
  t.ok(ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? '')));
  const [first, last] = [ids[0], ids.at(-1)].map((id = '') =>
    Number.parseInt(id.replace('-', '').slice(0, 12), 16),
  );
  t.ok(
    (first ?? 0) >= from && (last ?? Infinity) <= to,
    `${first} and ${last} are between ${from} and ${to}`,
  );
  t.equal(new Set(ids.map((id) => id.slice(-10))).size, MANY, 'their ends are random');
});
