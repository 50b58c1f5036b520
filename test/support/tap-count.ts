import { inspect } from 'node:util';
import { Parser, type FinalResults, type Result } from 'tap-parser';

/** One test that failed. */
export interface Failure {
  /** The names of its subtests, outermost first, and of the assertion. */
  readonly path: readonly string[];
  /** What tap says about it, ready to print. */
  readonly detail: string;
}

/** What the TAP output of one file says. */
export interface TapCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
  /** What the tests said of themselves (`t.comment`): figures, seeds. */
  readonly comments: readonly string[];
}

/** A file or a subtest. */
interface Group {
  readonly name: string;
  readonly groups: Group[];
  /** Assertions that stand directly in it. */
  readonly points: Result[];
  /** The line that its parent closes it with; a file has none. */
  closing: Result | undefined;
  results: FinalResults | undefined;
}

/**
 * Counts the tests in the TAP output of one file.
 *
 * A test is a subtest that has no subtests of its own, or a file that has none. A failed assertion that stands beside
 * subtests, and a subtest that fails although nothing in it did (a timeout, a wrong plan), count as one failed each.
 * Output that breaks off, and output without any test, is a failure.
 */
export function countTap(output: string): TapCount {
  const comments: string[] = [];
  const file = parse(output, comments);
  const count = { passed: 0, failed: 0, skipped: 0, failures: [] as Failure[], comments };
  if (file.groups.length === 0 && file.points.length === 0) {
    return { ...count, failed: 1, failures: [{ path: [], detail: 'there is no test in it' }] };
  }
  visit(file, [], count);
  return count;
}

type Counting = { passed: number; failed: number; skipped: number; failures: Failure[] };

function visit(group: Group, path: string[], count: Counting): void {
  const before = count.failed;
  const failedPoints = group.points.filter((point) => !point.ok && !isSkipped(point));
  const skippedPoints = group.points.filter(isSkipped);
  for (const point of failedPoints)
    count.failures.push({ path: [...path, point.name], detail: detailOf(point) });
  count.skipped += skippedPoints.length;

  const ok = (group.closing?.ok ?? true) && (group.results?.ok ?? false);
  if (group.groups.length === 0) {
    if (group.closing !== undefined && isSkipped(group.closing)) count.skipped += 1;
    else if (failedPoints.length > 0) count.failed += 1;
    else if (ok)
      count.passed += skippedPoints.length > 0 && skippedPoints.length === group.points.length ? 0 : 1;
  } else {
    for (const child of group.groups) visit(child, [...path, child.name], count);
    count.failed += failedPoints.length;
  }
  if (!ok && count.failed === before && !(group.closing !== undefined && isSkipped(group.closing))) {
    count.failed += 1;
    count.failures.push({ path, detail: reasonOf(group) });
  }
}

function parse(output: string, comments: string[]): Group {
  const parser = new Parser({ preserveWhitespace: false });
  const file = follow(parser, '', comments);
  parser.end(output);
  return file;
}

/** Comments that tap itself writes. */
const OF_TAP = /^# (Subtest:|Subtest$|time=|\{ |error thrown|timeout)/;

function follow(parser: Parser, name: string, comments: string[]): Group {
  const group: Group = { name, groups: [], points: [], closing: undefined, results: undefined };
  parser.on('child', (child: Parser) => group.groups.push(follow(child, child.name, comments)));
  parser.on('comment', (text: string) => {
    if (!OF_TAP.test(text)) comments.push(text.trim());
  });
  parser.on('assert', (point: Result) => {
    const last = group.groups.at(-1);
    if (point.closingTestPoint && last !== undefined) last.closing = point;
    else group.points.push(point);
  });
  parser.on('complete', (results: FinalResults) => (group.results = results));
  return group;
}

function isSkipped(point: Result): boolean {
  return point.skip !== false || point.todo !== false;
}

function reasonOf(group: Group): string {
  const errors = (group.results?.failures ?? []).map((each) => each.tapError).filter((text) => text !== null);
  const closing = group.closing === undefined ? '' : detailOf(group.closing);
  return (
    [...errors, closing].filter((text) => text !== '').join('\n') || 'it failed, and tap does not say why'
  );
}

/** What nobody needs under a failure: the source is at hand, and the rest describes the process. */
const NOISE = new Set([
  'source',
  'at',
  'isToplevel',
  'command',
  'args',
  'cwd',
  'stdio',
  'externalID',
  'jobId',
]);

function detailOf(point: Result): string {
  if (point.tapError !== null) return point.tapError;
  if (typeof point.diag !== 'object' || point.diag === null) return '';
  const entries = Object.entries(point.diag as Record<string, unknown>).filter(([key]) => !NOISE.has(key));
  return entries.map(([key, value]) => `${key}: ${printed(value)}`).join('\n');
}

function printed(value: unknown): string {
  if (typeof value !== 'string') return inspect(value, { depth: 4, breakLength: 100 });
  const text = value.trimEnd();
  return text.includes('\n') ? `\n${text}`.replaceAll('\n', '\n  ') : text;
}
