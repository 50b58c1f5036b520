import type { Shelf } from './storage.js';

/** A storage of the browser, or one that lasts as long as the page where the browser refuses it (private windows). */
export function shelfOf(find: () => Shelf): Shelf {
  const kept = new Map<string, string>();
  const own: Shelf = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
  try {
    const storage = find();
    const probe = 'parlor-probe';
    storage.setItem(probe, '');
    storage.removeItem(probe);
    return storage;
  } catch {
    return own;
  }
}
