import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

/** The root of the project. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A command that was pasted into a shell. */
export interface Command {
  /** What it has written to either stream so far. */
  said(): string;
  /** Resolves with the first match of what it has said; rejects if it does not come, or cannot any more. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Its exit code, null if a signal has ended it. */
  readonly exited: Promise<number | null>;
  /** Sends a signal to it and to what it has started, unless it has ended. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Runs a line of shell in the repository's folder, with these variables beside the usual ones. */
export function runCommand(line: string, env: Readonly<Record<string, string>> = {}): Command {
  const child = spawn('sh', ['-c', line], {
    cwd: ROOT,
    // A group of its own, so that all of it can be ended.
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONUNBUFFERED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
  let isOver = false;
  const exited = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      isOver = true;
      process.off('exit', kill);
      resolve(code);
    }),
  );
  const signalAll = (signal: NodeJS.Signals): void => {
    if (!isOver && child.pid !== undefined) process.kill(-child.pid, signal);
  };
  const kill = (): void => signalAll('SIGKILL');
  process.once('exit', kill);
  return {
    said: () => said,
    exited,
    says: (pattern) =>
      until(
        () => {
          const match = pattern.exec(said);
          if (match === null && isOver) throw new Error(`${line} has ended; it said ${said}`);
          return match;
        },
        { timeoutMs: 30_000, what: () => `${line} to say ${pattern.source}; it said ${said}` },
      ) as Promise<RegExpMatchArray>,
    end(signal = 'SIGTERM') {
      signalAll(signal);
      return exited;
    },
  };
}
