import { cpus } from 'node:os';

/** A line of the result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line about how far it is; not part of the result. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** On what and when: a result is worth nothing without it. */
export function circumstances(): string {
  return `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${new Date().toISOString()}`;
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** A Markdown table whose columns stand under each other; all but the first `texts` of them are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (i < texts ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i < texts ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
