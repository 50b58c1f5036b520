import t from 'tap';
import { isUuid } from '../../engine/ids.js';
import type { StoreUnderTest } from './store-fixture.js';

/** What a store says of which place it is. */
export function promiseIdentity(name: string, make: () => Promise<StoreUnderTest>): void {
  t.test(`${name}: a store is the same one after a restart, and no other one is`, async (t) => {
    const made = await make();
    t.teardown(() => made.close());
    await made.store.start();
    const identity = made.store.identity();
    t.ok(isUuid(identity.id), identity.id);
    t.equal(identity.id, identity.id.toLowerCase());
    t.same(made.store.identity(), identity, 'asked again it says the same');
    t.equal(identity.durable, made.again !== undefined);

    const other = await made.elsewhere();
    t.teardown(() => other.close());
    await other.start();
    t.match(other.identity(), { durable: identity.durable, shared: identity.shared });
    t.not(other.identity().id, identity.id, 'another place is another store');

    const again = made.again?.();
    if (!again) return;
    t.teardown(() => again.close());
    if (!identity.shared) await made.store.close();
    await again.start();
    t.same(again.identity(), identity, 'the same place is the same store');
  });
}
