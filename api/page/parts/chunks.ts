/** What is looked at of a message. `seq` is null while it is on its way. */
export interface Placed {
  readonly seq: number | null;
}

/** Neighbours among the messages, drawn together. */
export interface Chunk<M> {
  /** The same for the same messages, whatever comes before or after. */
  readonly key: string;
  readonly messages: readonly M[];
  /** The message before the first; null: there is none. */
  readonly before: M | null;
}

/** So many seqs make a chunk: few enough to be drawn in a moment. */
const SIZE = 8;

/**
 * Messages, ascending, in chunks. A chunk of `last` in which nothing has changed is the same object, so that it need not be
 * drawn again. A page of older messages changes no chunk but the one in which it ends.
 */
export function chunksOf<M extends Placed>(
  messages: readonly M[],
  last: readonly Chunk<M>[] = [],
): readonly Chunk<M>[] {
  const known = new Map(last.map((chunk) => [chunk.key, chunk]));
  const chunks: Chunk<M>[] = [];
  let start = 0;
  for (let end = 1; end <= messages.length; end++) {
    const key = keyOf(messages[start] as M);
    const next = messages[end];
    if (next !== undefined && keyOf(next) === key) continue;
    const made = { key, messages: messages.slice(start, end), before: messages[start - 1] ?? null };
    const old = known.get(key);
    chunks.push(old && isSame(old, made) ? old : made);
    start = end;
  }
  return chunks;
}

function keyOf({ seq }: Placed): string {
  return seq === null ? 'outgoing' : String(Math.floor(seq / SIZE));
}

function isSame<M>(a: Chunk<M>, b: Chunk<M>): boolean {
  return (
    a.before === b.before &&
    a.messages.length === b.messages.length &&
    a.messages.every((message, i) => message === b.messages[i])
  );
}
