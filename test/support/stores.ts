import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from './parlor.js';
import { ownDatabase } from './postgres.js';

/** A store that a suite is run with. */
export interface StoreUnderTest {
  readonly name: string;
  /** The settings that choose it; each answer is a store that is empty and that nobody else uses. */
  env(): Promise<Env>;
}

/** Every store that outlives the process: what is promised of them is a suite over this. */
export const STORES: readonly StoreUnderTest[] = [
  { name: 'sqlite', env: () => Promise.resolve({ STORE: 'sqlite', SQLITE_PATH: ownFile() }) },
  { name: 'postgres', env: async () => ({ STORE: 'postgres', DATABASE_URL: await ownDatabase() }) },
];

/** A file in a folder of its own, which goes with this process. */
function ownFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parlor-sqlite-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'parlor.db');
}
