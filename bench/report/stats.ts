/** The middle one, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}

/** A median and between what it lies. */
export interface Spread {
  readonly count: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The spread of those that are numbers; null when none is. */
export function spreadOf(values: readonly (number | null | undefined)[]): Spread | null {
  const known = values.filter(
    (value) => value !== null && value !== undefined && Number.isFinite(value),
  ) as number[];
  if (known.length === 0) return null;
  return { count: known.length, median: median(known), min: Math.min(...known), max: Math.max(...known) };
}

/** A figure of each round of one cell; null where the run failed or did not show it. */
export type Rounds = readonly (number | null)[];

/**
 * Compares two cells round by round, so that what disturbs the machine for a while disturbs both. Rounds in which one
 * of them has no figure have no pair.
 */
export function pairwise(of: Rounds, to: Rounds, compare: (a: number, b: number) => number): number[] {
  return of.flatMap((a, round) => {
    const b = to[round];
    return a === null || b === null || b === undefined ? [] : [compare(a, b)];
  });
}
