import type { AppendResult } from '../../engine/ports.js';

/**
 * Makes appends one by one, in order. What follows one of the same room that was not committed is fenced without being tried: it
 * was decided on a state that does not exist. The head alone does not show that, as another writer may have moved it to where
 * a later append begins.
 */
export function inOrder<A>(
  appends: readonly A[],
  roomOf: (append: A) => string,
  make: (append: A) => AppendResult,
): AppendResult[] {
  let lost: Set<string> | null = null;
  return appends.map((append) => {
    const room = roomOf(append);
    if (lost?.has(room)) return 'fenced';
    const result = make(append);
    if (result !== 'committed') (lost ??= new Set()).add(room);
    return result;
  });
}
