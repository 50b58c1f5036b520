/** What one reading connection has seen of its room, poster by poster. */
export interface View {
  /** By poster: the highest count seen. */
  readonly highest: Uint32Array;
  /** By poster: how many messages that are none another time. */
  readonly seen: Uint32Array;
  /** Counts that were passed over and have not come yet, by poster. */
  readonly missing: Map<number, Set<number>>;
  total: number;
  doubled: number;
  disordered: number;
  /** Messages that no poster of this room can have posted. */
  foreign: number;
  /** Of the sequence of posters and counts; equal hashes, equal sequences. */
  hash: number;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export function emptyView(posters: number): View {
  return {
    highest: new Uint32Array(posters),
    seen: new Uint32Array(posters),
    missing: new Map(),
    total: 0,
    doubled: 0,
    disordered: 0,
    foreign: 0,
    hash: FNV_OFFSET,
  };
}

/** One more message: the `count`-th of a poster. Says whether it is another one than those before. */
export function note(view: View, poster: number, count: number): boolean {
  const highest = view.highest[poster];
  if (highest === undefined) {
    view.foreign++;
    return false;
  }
  view.hash = Math.imul(Math.imul(view.hash ^ poster, FNV_PRIME) ^ count, FNV_PRIME);
  if (count <= highest) {
    if (!view.missing.get(poster)?.delete(count)) {
      view.doubled++;
      return false;
    }
    view.disordered++;
  } else {
    if (count > highest + 1) passOver(view, poster, highest + 1, count);
    view.highest[poster] = count;
  }
  view.seen[poster] = (view.seen[poster] ?? 0) + 1;
  view.total++;
  return true;
}

function passOver(view: View, poster: number, from: number, to: number): void {
  const missing = view.missing.get(poster) ?? new Set();
  view.missing.set(poster, missing);
  for (let count = from; count < to; count++) missing.add(count);
}
