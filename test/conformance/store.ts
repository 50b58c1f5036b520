import t from 'tap';
import { newId } from '../../engine/ids.js';
import type { Promised, StoreUnderTest } from './store-fixture.js';
import { promiseIdentity } from './store-identity.js';
import { promiseForgetting } from './store-forgets.js';
import { promiseReads } from './store-reads.js';
import { promiseRevocations } from './store-revocations.js';
import { promiseWrites } from './store-writes.js';

/** All that the Store port promises, stated on a store that `make` has made and not yet started. */
export function storeConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  const promise: Promised = (what, test) => {
    t.test(`${name}: ${what}`, async (t) => {
      const made = await make();
      const { store } = made;
      t.teardown(() => made.close());
      await store.start();
      // Rooms of one test are its own, also in a store that is shared.
      await test(t, store, `r-${newId()}`);
    });
  };
  promiseWrites(promise);
  promiseReads(promise);
  promiseForgetting(promise);
  promiseRevocations(name, make, promise);
  promiseIdentity(name, make);
}
