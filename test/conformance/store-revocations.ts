import t from 'tap';
import { revocationKey, type Revocation } from '../../engine/access/revocation.js';
import { newId } from '../../engine/ids.js';
import type { Store } from '../../engine/ports.js';
import type { Promised, StoreUnderTest } from './store-fixture.js';

/** Midnight, so many hours into 2024. */
function hour(hours: number): string {
  return new Date(Date.UTC(2024, 0, 1, hours)).toISOString();
}

/** The revocations that one test has made: others are in the same place where it is shared. */
async function own(store: Store, mark: string): Promise<Revocation[]> {
  const all = await store.revocations();
  return all.filter(({ user, token_id }) => (user ?? token_id)?.includes(mark));
}

/**
 * What names and ids of tokens may hold, in the order of Unicode: an emoji comes after a full-width letter, though in
 * UTF-16 it begins with a smaller number.
 */
const NAMES = ['"', "'; --", '%_*\\', 'A', 'Z', 'a', 'a b', 'null', 'é', 'ß', '漢字', 'Ａ', '😀', '😀👍🏽'];

/** What is promised of revocations. */
export function promiseRevocations(
  name: string,
  make: () => Promise<StoreUnderTest>,
  promise: Promised,
): void {
  promise('what is revoked is read again, unchanged: users and tokens', async (t, store, mark) => {
    t.same(await own(store, mark), []);
    const user: Revocation = { user: mark, revoked_at: hour(1), until: hour(2) };
    const ever: Revocation = { user: `${mark}.ever`, revoked_at: hour(1) };
    const token: Revocation = { token_id: mark, revoked_at: hour(1), until: hour(2) };
    for (const one of [user, ever, token]) await store.revoke(one);
    t.strictSame(await own(store, mark), [token, user, ever], 'a token and a user of the same name are two');
  });

  promise('the same user or token revoked again replaces what was there', async (t, store, mark) => {
    for (const who of [{ user: mark }, { token_id: mark }] as const) {
      await store.revoke({ ...who, revoked_at: hour(1), until: hour(3) });
      await store.revoke({ ...who, revoked_at: hour(2) });
      t.strictSame(await own(store, mark), [{ ...who, revoked_at: hour(2) }], 'also by one without an end');
      await store.revoke({ ...who, revoked_at: hour(1), until: hour(4) });
      t.strictSame(await own(store, mark), [{ ...who, revoked_at: hour(1), until: hour(4) }]);
      t.equal(await store.unrevoke(revocationKey(who)), true);
    }
  });

  promise('a revocation that is over when the next one is made is forgotten', async (t, store, mark) => {
    const until = (hours: number): Revocation => ({
      user: `${mark}.${hours}`,
      revoked_at: hour(1),
      until: hour(hours),
    });
    for (const hours of [3, 4, 5]) await store.revoke(until(hours));
    const ever: Revocation = { user: `${mark}.ever`, revoked_at: hour(1) };
    await store.revoke(ever);
    t.strictSame(await own(store, mark), [until(3), until(4), until(5), ever], 'nothing is over yet');
    const next: Revocation = { token_id: mark, revoked_at: hour(4) };
    await store.revoke(next);
    t.strictSame(await own(store, mark), [next, until(5), ever]);
    await store.revoke({ ...next, revoked_at: hour(24 * 365 * 1_000) });
    t.same(
      (await own(store, mark)).map(({ user }) => user),
      [undefined, `${mark}.ever`],
      'one without an end is never forgotten',
    );
  });

  promise('a revocation that is over before it begins is kept until the next one', async (t, store, mark) => {
    const over: Revocation = { user: mark, revoked_at: hour(2), until: hour(1) };
    await store.revoke(over);
    t.strictSame(await own(store, mark), [over]);
    await store.revoke(over);
    t.strictSame(await own(store, mark), [over], 'and is not the one that it forgets');
    await store.revoke({ user: `${mark}.next`, revoked_at: hour(2) });
    t.strictSame(await own(store, mark), [{ user: `${mark}.next`, revoked_at: hour(2) }]);
  });

  promise('what is taken back says whether it was there, and is gone', async (t, store, mark) => {
    const [user, token] = [{ user: mark }, { token_id: mark }];
    t.equal(await store.unrevoke(revocationKey(user)), false);
    await store.revoke({ ...user, revoked_at: hour(1) });
    await store.revoke({ ...token, revoked_at: hour(1) });
    t.equal(await store.unrevoke(revocationKey(user)), true);
    t.strictSame(await own(store, mark), [{ ...token, revoked_at: hour(1) }], 'the token still is revoked');
    t.equal(await store.unrevoke(revocationKey(user)), false, 'once');
    await store.revoke({ ...user, revoked_at: hour(2) });
    t.equal((await own(store, mark)).length, 2, 'and it can be revoked again');
  });

  promise('every name comes back as it was, in the order of Unicode', async (t, store, mark) => {
    const revocations = NAMES.map((name): Revocation => ({ user: `${mark}.${name}`, revoked_at: hour(1) }));
    for (const one of revocations.toReversed()) await store.revoke(one);
    const bytes = ({ user = '' }: Revocation): Buffer => Buffer.from(user);
    const sorted = revocations.toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)));
    t.strictSame(await own(store, mark), sorted);
    const places = ['Ａ', '😀'].map((name) => sorted.findIndex(({ user }) => user === `${mark}.${name}`));
    t.ok(places[0] !== undefined && places[1] !== undefined && places[0] < places[1], places.join());
    for (const [i, one] of revocations.entries())
      t.equal(await store.unrevoke(revocationKey(one)), true, NAMES[i] ?? '');
    t.same(await own(store, mark), []);
  });

  promise('a time is the same one however it was written', async (t, store, mark) => {
    await store.revoke({
      user: mark,
      revoked_at: '2024-01-01T01:00:00Z',
      until: '2024-01-01T05:00:00+02:00',
    });
    t.strictSame(await own(store, mark), [{ user: mark, revoked_at: hour(1), until: hour(3) }]);
    await store.revoke({ user: `${mark}.2`, revoked_at: '2024-01-01T04:00:00+02:00' });
    t.equal((await own(store, mark)).length, 2, 'it is not over yet, though its digits are');
    const dates = ['0001-01-01T00:00:00.001Z', '9999-12-31T23:59:59.999Z', '+275760-09-13T00:00:00.000Z'];
    for (const until of dates) {
      const one: Revocation = { user: `${mark}.3`, revoked_at: '0001-01-01T00:00:00.000Z', until };
      await store.revoke(one);
      t.strictSame((await own(store, mark)).at(-1), one, until);
    }
  });

  promise('what cannot be kept as it is is refused, and changes nothing', async (t, store, mark) => {
    const kept: Revocation = { user: mark, revoked_at: hour(1), until: hour(2) };
    await store.revoke(kept);
    for (const user of [`${mark}\0`, `${mark}\0b`, `${mark}\ud800`]) {
      await t.rejects(store.revoke({ user, revoked_at: hour(3) }), /cannot be stored/);
      t.equal(await store.unrevoke(revocationKey({ user })), false);
    }
    await t.rejects(store.revoke({ user: mark, revoked_at: 'yesterday' }), /yesterday.*RFC 3339/);
    await t.rejects(store.revoke({ user: mark, revoked_at: hour(3), until: 'soon' }), /soon.*RFC 3339/);
    t.strictSame(await own(store, mark), [kept]);
    t.match(store.state(), { ready: true });
  });

  promise('of many revocations made at once, every one is kept', async (t, store, mark) => {
    const many = Array.from({ length: 200 }, (_, i): Revocation => {
      return { token_id: `${mark}.${String(i).padStart(3, '0')}`, revoked_at: hour(1), until: hour(2) };
    });
    await Promise.all(many.map((one) => store.revoke(one)));
    t.strictSame(await own(store, mark), many);
  });

  t.test(`${name}: what is revoked still is after a restart, where the place is durable`, async (t) => {
    const made = await make();
    t.teardown(() => made.close());
    await made.store.start();
    const mark = newId();
    const revoked: Revocation = { user: mark, revoked_at: hour(1), until: hour(2) };
    await made.store.revoke(revoked);
    await made.store.revoke({ token_id: mark, revoked_at: hour(1) });
    await made.store.unrevoke(revocationKey({ token_id: mark }));

    const other = await made.elsewhere();
    t.teardown(() => other.close());
    await other.start();
    t.same(await other.revocations(), [], 'another place knows nothing of it');

    const again = made.again?.();
    if (!again) return;
    t.teardown(() => again.close());
    await made.store.close();
    await again.start();
    t.strictSame(await own(again, mark), [revoked], 'and what was taken back stays so');
  });
}
