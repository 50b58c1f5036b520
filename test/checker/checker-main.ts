/**
 * Checks the history in a file: `node dist/test/checker/checker-main.js FILE`. Prints one line for each violation.
 * Exit code 0: the promises hold; 1: they do not; 2: there is no such history.
 */
import { check } from './check.js';
import { readHistory } from './file.js';
import { sentence } from './violations.js';

process.exitCode = await main(process.argv.slice(2));

async function main([path, ...more]: string[]): Promise<number> {
  if (path === undefined || more.length > 0) return complain('name one file: a history as JSON, or .jsonl');
  try {
    const history = await readHistory(path);
    const violations = check(history);
    for (const violation of violations) say(sentence(violation));
    const { attempts, members, rooms } = history;
    const size = `${attempts.length} posts, ${members.length} members, ${rooms.length} rooms`;
    say(violations.length === 0 ? `the promises hold: ${size}` : `${violations.length} violations: ${size}`);
    return violations.length === 0 ? 0 : 1;
  } catch (cause) {
    return complain(cause instanceof Error ? cause.message : String(cause));
  }
}

function complain(text: string): number {
  process.stderr.write(`${text}\n`);
  return 2;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
