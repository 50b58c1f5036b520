import type { CellName, Comparison, FigureInfo } from '../report/result.js';
import type { SubjectName } from './subjects.js';

/** Columns that several scenarios have. */
export const DELIVERIES: FigureInfo = { key: 'deliveries', title: 'deliveries/s', digits: 0 };
export const POSTS: FigureInfo = { key: 'posts', title: 'posts/s', digits: 0 };
export const P50: FigureInfo = { key: 'p50', title: 'p50, ms', digits: 2 };
export const P99: FigureInfo = { key: 'p99', title: 'p99, ms', digits: 2 };

/** A goal of a ratio: no less, or no more. */
export type Limit = { readonly atLeast: number } | { readonly atMost: number } | null;

/**
 * Parlor's figure by that of each of these targets, round by round, in one variant; with null as the limit it is for
 * information.
 */
export function against(
  variant: string,
  figure: FigureInfo,
  limits: Readonly<Partial<Record<SubjectName, Limit>>>,
  subject: SubjectName = 'parlor',
): Comparison[] {
  return Object.entries(limits).map(([target, limit]) => ({
    title: `${variant}: ${figure.title} of ${subject} to ${target}`,
    figure: figure.key,
    of: { variant, target: subject },
    to: { variant, target },
    as: 'ratio',
    ...limit,
  }));
}

/** The figure of one cell by that of another one. */
export function ratio(
  title: string,
  figure: FigureInfo,
  of: CellName,
  to: CellName,
  limit: Limit,
): Comparison {
  return { title, figure: figure.key, of, to, as: 'ratio', ...limit };
}

/** A figure as it is. */
export function value(
  title: string,
  figure: FigureInfo,
  of: CellName,
  limit: Limit,
  unit?: string,
): Comparison {
  return {
    title,
    figure: figure.key,
    of,
    to: null,
    as: 'value',
    ...(unit === undefined ? {} : { unit }),
    ...limit,
  };
}
