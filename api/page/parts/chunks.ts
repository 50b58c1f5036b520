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

/** So many seqs make a chunk: few, as a chunk is drawn as a whole, and less than twenty messages fill a screen. */
const SIZE = 4;
/** The number of the chunk of those without a seq. */
const OUTGOING = -1;

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
    const number = numberOf(messages[start] as M);
    const next = messages[end];
    if (next !== undefined && numberOf(next) === number) continue;
    const key = number === OUTGOING ? 'outgoing' : String(number);
    const old = known.get(key);
    chunks.push(
      old && isSame(old, messages, start, end)
        ? old
        : { key, messages: messages.slice(start, end), before: messages[start - 1] ?? null },
    );
    start = end;
  }
  return chunks;
}

function numberOf({ seq }: Placed): number {
  return seq === null ? OUTGOING : Math.floor(seq / SIZE);
}

/** Whether a chunk is what stands from `start` until before `end`. */
function isSame<M>(old: Chunk<M>, messages: readonly M[], start: number, end: number): boolean {
  return (
    old.before === (messages[start - 1] ?? null) &&
    old.messages.length === end - start &&
    old.messages.every((message, i) => message === messages[start + i])
  );
}
