import { firstWhere } from '../binary-search.js';

/** Keys of one piece and their values, at the same places. */
interface Piece<V> {
  readonly keys: readonly string[];
  readonly values: readonly V[];
}

/** A larger piece is cut in two. A change copies one piece, and the list of all. */
const LARGEST = 64;

const NO_PIECES: readonly never[] = [];
const NOTHING: Piece<never> = { keys: [], values: [] };

/**
 * A map that never changes: `set` and `delete` answer another one, which shares all but one piece with it. Sorted by key. A key
 * takes 20 bytes in it, and 140 in a Map of immutable.js: that counts where a room has thousands of members.
 */
export class SortedMap<V> implements Iterable<readonly [string, V]> {
  /** Without parameters: empty. */
  constructor(
    readonly size = 0,
    /** Ascending, and none of them empty. */
    private readonly pieces: readonly Piece<V>[] = NO_PIECES,
  ) {}

  get(key: string): V | undefined {
    const { keys, values } = this.pieceOf(key);
    const at = placeIn(keys, key);
    return keys[at] === key ? values[at] : undefined;
  }

  has(key: string): boolean {
    const { keys } = this.pieceOf(key);
    return keys[placeIn(keys, key)] === key;
  }

  set(key: string, value: V): SortedMap<V> {
    const { keys, values } = this.pieceOf(key);
    const at = placeIn(keys, key);
    if (keys[at] === key) return this.with(this.size, key, [{ keys, values: values.with(at, value) }]);
    const grown = { keys: keys.toSpliced(at, 0, key), values: values.toSpliced(at, 0, value) };
    return this.with(this.size + 1, key, keys.length < LARGEST ? [grown] : halvesOf(grown));
  }

  /** The same map if it does not have the key. */
  delete(key: string): SortedMap<V> {
    const { keys, values } = this.pieceOf(key);
    const at = placeIn(keys, key);
    if (keys[at] !== key) return this;
    const left = { keys: keys.toSpliced(at, 1), values: values.toSpliced(at, 1) };
    return this.with(this.size - 1, key, left.keys.length > 0 ? [left] : []);
  }

  *keys(): IterableIterator<string> {
    for (const { keys } of this.pieces) yield* keys;
  }

  *[Symbol.iterator](): IterableIterator<readonly [string, V]> {
    for (const { keys, values } of this.pieces)
      for (let at = 0; at < keys.length; at++) yield [keys[at] as string, values[at] as V];
  }

  /** Other pieces in place of the one of a key. */
  private with(size: number, key: string, pieces: readonly Piece<V>[]): SortedMap<V> {
    return new SortedMap(size, this.pieces.toSpliced(this.indexOf(key), 1, ...pieces));
  }

  /** The piece that a key is in, or belongs in. */
  private pieceOf(key: string): Piece<V> {
    return this.pieces[this.indexOf(key)] ?? NOTHING;
  }

  private indexOf(key: string): number {
    const behind = firstWhere(this.pieces.length, (i) => (this.pieces[i]?.keys[0] ?? '') > key);
    return Math.max(0, behind - 1);
  }
}

function placeIn(keys: readonly string[], key: string): number {
  return firstWhere(keys.length, (i) => (keys[i] ?? '') >= key);
}

function halvesOf<V>({ keys, values }: Piece<V>): readonly Piece<V>[] {
  const half = keys.length >> 1;
  return [
    { keys: keys.slice(0, half), values: values.slice(0, half) },
    { keys: keys.slice(half), values: values.slice(half) },
  ];
}
