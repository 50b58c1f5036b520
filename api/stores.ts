import { createMemoryStore } from '../adapters/memory/store.js';
import { systemClock } from '../adapters/system/clock.js';
import type { Access } from '../adapters/sqlite/threads.js';
import type { Log, Store, Verifier } from '../engine/ports.js';
import { jwtSettings } from './auth-settings.js';
import type { Config } from './config.js';

/** null: AUTH=off. */
export async function createVerifier(config: Config, log: Log): Promise<Verifier | null> {
  if (config.AUTH === 'off') return null;
  const { createJwtVerifier } = await import('../adapters/jwt/verifier.js');
  return createJwtVerifier(jwtSettings(config), { log, clock: systemClock });
}

/** The store that the settings name. Only its adapter is loaded. `access`: see `Access`, for a program beside a server. */
export async function createStore(config: Config, log: Log, access: Access = 'own'): Promise<Store> {
  const timeoutMs = config.STORE_TIMEOUT_MS;
  switch (config.STORE) {
    case 'memory':
      return createMemoryStore({
        eventsPerRoom: config.MEMORY_EVENTS_PER_ROOM,
        eventsInAll: config.MEMORY_EVENTS,
        rooms: config.MEMORY_EVENTS,
      });
    case 'sqlite': {
      const { createSqliteStore } = await import('../adapters/sqlite/store.js');
      return createSqliteStore({ path: config.SQLITE_PATH, timeoutMs, log, clock: systemClock, access });
    }
    case 'postgres': {
      const { createPostgresStore } = await import('../adapters/postgres/store.js');
      return createPostgresStore({
        url: config.DATABASE_URL,
        pool: config.DATABASE_POOL,
        timeoutMs,
        log,
        clock: systemClock,
      });
    }
  }
}

/** Copies the database at `path` to a new file, also beside a server. Resolves with its size in bytes; see `backUp`. */
export async function backUpSqlite(path: string, file: string): Promise<number> {
  const { backUp } = await import('../adapters/sqlite/backup.js');
  return backUp(path, file);
}
