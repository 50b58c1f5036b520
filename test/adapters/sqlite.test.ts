import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../adapters/system/clock.js';
import { createSqliteStore } from '../../adapters/sqlite/store.js';
import { storeConformance } from '../conformance/store.js';

const nothing = (): void => undefined;
const log = { info: nothing, warn: nothing, error: nothing };

storeConformance('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parlor-sqlite-'));
  const at = (name: string) =>
    createSqliteStore({ path: join(folder, 'data', name), timeoutMs: 10_000, log, clock: systemClock });
  const store = at('parlor.db');
  return {
    store,
    again: () => at('parlor.db'),
    elsewhere: () => Promise.resolve(at('other.db')),
    async close() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});
