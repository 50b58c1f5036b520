import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import type { Machine } from '../report/result.js';

/** Where this runs. */
export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  };
}

/** The commit that is checked out, with a plus if files have changed since; null outside of a repository. */
export function thisCommit(): string | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    // What the benchmark writes itself is no change of what it measures.
    const changed = git('status', '--porcelain', '--', '.', ':!bench/results', ':!bench/RESULTS.md');
    return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`;
  } catch {
    return null; // No git, or no repository: a copy of the files.
  }
}
