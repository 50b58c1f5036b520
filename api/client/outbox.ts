import { report } from './emitter.js';
import { passing } from './errors.js';
import type { OutboxStore, StoredPost } from './types.js';

/** What the posts of all rooms share: how many there may be, and where they are kept over a reload. */
export interface Outbox {
  /** Throws an OutboxFullError. `isStored`: it comes from the store, and is let in. */
  readonly add: (post: StoredPost, isStored?: boolean) => void;
  readonly remove: (id: string) => void;
  /** RFC 3339: later than any before, also within a millisecond, so that posts can be sorted by it. */
  readonly stamp: () => string;
}

export function createOutbox(limit: number, store: OutboxStore | undefined): Outbox {
  let size = 0;
  let last = 0;
  return {
    add(post, isStored) {
      if (!isStored) {
        if (size >= limit) throw passing('outbox_full', `${limit} posts wait`);
        store?.put(post).catch(report);
      }
      size++;
    },
    remove(id) {
      size--;
      store?.delete(id).catch(report);
    },
    stamp: () => new Date((last = Math.max(last + 1, Date.now()))).toISOString(),
  };
}
