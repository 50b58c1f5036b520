/**
 * Binary search: the first index below `count` for which `test` is true, or `count`. It must be true for all that follow
 * such an index.
 */
export function firstWhere(count: number, test: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
