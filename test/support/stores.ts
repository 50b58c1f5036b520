import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from './guard.js';
import type { Env } from './parlor.js';
import { ownDatabase } from './postgres.js';

/** A store that a suite is run with. */
export interface StoreUnderTest {
  readonly name: string;
  /** The settings that choose it; each answer is a store that is empty and that nobody else uses. */
  env(): Promise<Env>;
}

const newFile = fileNames();

/** Every store that outlives the process: what is promised of them is a suite over this. */
export const STORES: readonly StoreUnderTest[] = [
  { name: 'sqlite', env: () => Promise.resolve({ STORE: 'sqlite', SQLITE_PATH: newFile() }) },
  { name: 'postgres', env: async () => ({ STORE: 'postgres', DATABASE_URL: await ownDatabase() }) },
];

/**
 * Names files that do not exist yet, in a folder that is made for the first of them and goes with this process,
 * however that ends.
 */
function fileNames(): () => string {
  let folder: string | null = null;
  let count = 0;
  return () => {
    if (folder === null) {
      folder = mkdtempSync(join(tmpdir(), 'parlor-sqlite-'));
      // Once more, because the programs under test may be writing there while they are ended with us.
      guard('rm -rf "$1" || { sleep 1; rm -rf "$1"; }', folder);
    }
    return join(folder, `parlor-${++count}.db`);
  };
}
