import { roundsOf, type CellResult, type Comparison } from './result.js';
import { pairwise, spreadOf, type Spread } from './stats.js';

/** What became of a comparison; `unknown` where no pair of runs came about. */
export type Verdict = 'reached' | 'missed' | 'no goal' | 'unknown';

export interface Compared {
  readonly comparison: Comparison;
  readonly spread: Spread | null;
  readonly verdict: Verdict;
}

/** Compares round by round and judges the median against the goal. */
export function compare(comparison: Comparison, cells: readonly CellResult[]): Compared {
  const spread = spreadOf(valuesOf(comparison, cells));
  return { comparison, spread, verdict: verdictOf(comparison, spread) };
}

function valuesOf({ figure, of, to, as, per = 1 }: Comparison, cells: readonly CellResult[]): number[] {
  const rounds = roundsOf(cells, of, figure);
  if (as === 'value' || to === null) return rounds.flatMap((value) => (value === null ? [] : [value / per]));
  const others = roundsOf(cells, to, figure);
  return pairwise(rounds, others, as === 'ratio' ? (a, b) => a / b : (a, b) => (a - b) / per);
}

function verdictOf({ atLeast, atMost }: Comparison, spread: Spread | null): Verdict {
  if (atLeast === undefined && atMost === undefined) return 'no goal';
  if (!spread) return 'unknown';
  return spread.median >= (atLeast ?? -Infinity) && spread.median <= (atMost ?? Infinity)
    ? 'reached'
    : 'missed';
}

/** The goal in words: `≥ 3.5 ×`; empty where there is none. */
export function goalText(comparison: Comparison): string {
  const { atLeast, atMost } = comparison;
  if (atLeast !== undefined) return `≥ ${valueText(atLeast, comparison)}`;
  if (atMost !== undefined) return `≤ ${valueText(atMost, comparison)}`;
  return '';
}

/** Whether the goal is reached, and if not, by how much it is missed. */
export function verdictText({ comparison, spread, verdict }: Compared): string {
  if (verdict === 'no goal') return '';
  if (verdict === 'unknown' || !spread) return 'not measured';
  if (verdict === 'reached') return 'reached';
  const goal = comparison.atLeast ?? comparison.atMost ?? NaN;
  const gap = Math.abs(spread.median - goal);
  const share = goal === 0 ? '' : ` (${((gap / Math.abs(goal)) * 100).toFixed(0)} %)`;
  return `**missed** by ${valueText(gap, comparison)}${share}`;
}

/** A value of a comparison with its unit: `3.52 ×`, `2,900 B`. */
export function valueText(value: number, { as, unit }: Comparison): string {
  const text = numberText(value);
  const suffix = as === 'ratio' ? '×' : (unit ?? '');
  return suffix === '' ? text : `${text} ${suffix}`;
}

/** Three significant digits, more only before the point, with separators. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
