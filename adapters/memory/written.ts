/** A room's place among those that hold events. */
export interface Link<K> {
  before: K | null;
  after: K | null;
}

/** Rooms that hold events, in the order of their last write. */
export interface Written<K> {
  /** The one written longest ago; null if there is none. */
  first(): K | null;
  /** It was written just now. */
  touch(kept: K): void;
  remove(kept: K): void;
}

/** As a doubly linked list: a set whose members are taken out and put back at each write is rebuilt again and again. */
export function createWritten<K extends Link<K>>(): Written<K> {
  let oldest: K | null = null;
  let newest: K | null = null;

  function remove(kept: K): void {
    if (kept.before !== null) kept.before.after = kept.after;
    else if (oldest === kept) oldest = kept.after;
    if (kept.after !== null) kept.after.before = kept.before;
    else if (newest === kept) newest = kept.before;
    kept.before = null;
    kept.after = null;
  }

  return {
    first: () => oldest,
    touch(kept) {
      if (newest === kept) return;
      remove(kept);
      kept.before = newest;
      if (newest !== null) newest.after = kept;
      else oldest = kept;
      newest = kept;
    },
    remove,
  };
}
