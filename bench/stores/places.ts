import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PostgresServer } from './postgres.js';

export const STORES = ['memory', 'sqlite', 'postgres'] as const;
export type StoreName = (typeof STORES)[number];

/** Where one run of a store keeps what it stores: empty at the beginning, gone after it. */
export interface Place {
  readonly settings: Readonly<Record<string, string>>;
  /** CPU used by other processes that serve the store, seconds so far; null if there are none to be seen. */
  cpuSeconds(): number | null;
  remove(): Promise<void>;
}

/** statfs(2): what a tmpfs calls itself. */
const TMPFS = 0x01021994;

/** Beside the program, not in the system's folder for temporary files: that may be memory, and a commit there costs nothing. */
const FOLDER = fileURLToPath(new URL('../../bench-data', import.meta.url));

/** Whether files of a run are on something that is no disk. */
export function isOnMemory(): boolean {
  mkdirSync(FOLDER, { recursive: true });
  return statfsSync(FOLDER).type === TMPFS;
}

/** A new place for a run of this store. */
export async function newPlace(store: StoreName, postgres: PostgresServer | null): Promise<Place> {
  switch (store) {
    case 'memory':
      return { settings: { STORE: store }, cpuSeconds: () => null, remove: async () => undefined };
    case 'sqlite': {
      mkdirSync(FOLDER, { recursive: true });
      const folder = mkdtempSync(join(FOLDER, 'sqlite-'));
      const discard = (): void => rmSync(folder, { recursive: true, force: true });
      process.once('exit', discard);
      return {
        settings: { STORE: store, SQLITE_PATH: join(folder, 'parlor.db') },
        cpuSeconds: () => null,
        async remove() {
          process.off('exit', discard);
          discard();
        },
      };
    }
    case 'postgres': {
      if (!postgres) throw new Error('there is no PostgreSQL');
      const database = await postgres.createDatabase();
      return {
        settings: { STORE: store, DATABASE_URL: database.url },
        cpuSeconds: () => postgres.cpuSeconds(),
        remove: () => database.drop(),
      };
    }
  }
}
