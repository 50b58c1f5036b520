import type { OutboxStore, StoredPost } from './types.js';

/** What of IndexedDB is used here; Node has none. */
interface Request {
  result: unknown;
  error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}
interface Store {
  put(value: unknown): Request;
  delete(key: string): Request;
  getAll(): Request;
}
interface Database {
  createObjectStore(name: string, options: { keyPath: string }): unknown;
  transaction(name: string, mode: 'readonly' | 'readwrite'): { objectStore(name: string): Store };
}
interface OpenRequest extends Request {
  onupgradeneeded: (() => void) | null;
}

/** Keeps posts over a reload in the IndexedDB of this name: one for each user. It is opened when it is first needed. */
export function indexedDbOutbox(name: string): OutboxStore {
  let opened: Promise<Database> | null = null;
  const open = (): Promise<Database> =>
    (opened ??= answer<Database>(() => {
      const { indexedDB } = globalThis as unknown as { indexedDB: { open(name: string): OpenRequest } };
      const request = indexedDB.open(`parlor-${name}`);
      request.onupgradeneeded = () =>
        (request.result as Database).createObjectStore('posts', { keyPath: 'id' });
      return request;
    }));
  const run = async <T>(mode: 'readonly' | 'readwrite', work: (store: Store) => Request): Promise<T> => {
    const database = await open();
    return answer<T>(() => work(database.transaction('posts', mode).objectStore('posts')));
  };
  return {
    async load() {
      const posts = await run<StoredPost[]>('readonly', (store) => store.getAll());
      // The keys are ids, which have no order.
      return posts.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    },
    async put(post) {
      await run('readwrite', (store) => store.put(post));
    },
    async delete(id) {
      await run('readwrite', (store) => store.delete(id));
    },
  };
}

function answer<T>(ask: () => Request): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = ask();
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error as Error);
  });
}
