import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { guard } from './guard.js';
import { countTap, type TapCount } from './tap-count.js';

/** How one test file is to be run. */
export interface TapFileOptions {
  /** tap ends the file's tests after so many ms and says where they hung; 15 s later the process is killed. */
  readonly timeoutMs: number;
  /** Where its output goes: `<log>.tap` and `<log>.err`. */
  readonly log: string;
  /** What its environment has beside this process's own. */
  readonly env: Record<string, string>;
  /** Aborting kills the file and everything that it started. */
  readonly signal: AbortSignal;
}

/** What one test file came to. */
export interface TapFileResult extends TapCount {
  readonly ms: number;
  /** The end of what it wrote to stderr. */
  readonly stderr: string;
}

/** A process that hangs ends itself 10 s after tap has reported it. */
const GRACE_MS = 15_000;

/**
 * Runs one compiled test file as a process of its own and counts its tests. Never rejects over what the file does:
 * a crash, a signal, a timeout and an exit code that contradicts the output are failures in the result.
 */
export async function runTapFile(file: string, options: TapFileOptions): Promise<TapFileResult> {
  mkdirSync(dirname(options.log), { recursive: true });
  const stdout = openSync(`${options.log}.tap`, 'w');
  const stderr = openSync(`${options.log}.err`, 'w');
  const started = performance.now();
  // To files rather than pipes: a process that the test leaves behind would hold a pipe open.
  const child = spawn(process.execPath, ['--enable-source-maps', '--expose-gc', file], {
    stdio: ['ignore', stdout, stderr],
    detached: true,
    env: { ...process.env, ...options.env, TAP_TIMEOUT: String(options.timeoutMs / 1000) },
  });
  closeSync(stdout);
  closeSync(stderr);
  if (child.pid === undefined) throw new Error(`could not start ${process.execPath}`);
  // Also when this process is killed: a test file must not go on by itself.
  const group = guard('kill -9 "-$1"', String(child.pid));
  const kill = (): void => void group.release();
  const timer = setTimeout(kill, options.timeoutMs + GRACE_MS);
  options.signal.addEventListener('abort', kill);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  options.signal.removeEventListener('abort', kill);
  await group.release(); // What the file started and did not end.
  const count = countTap(readFileSync(`${options.log}.tap`, 'utf8'));
  return {
    ...withExit(count, code, signal),
    ms: performance.now() - started,
    stderr: readFileSync(`${options.log}.err`, 'utf8').trimEnd().split('\n').slice(-40).join('\n'),
  };
}

function withExit(count: TapCount, code: number | null, signal: NodeJS.Signals | null): TapCount {
  const explained = count.failures.some(({ path }) => path.length > 0);
  if (code === 0 || explained) return count;
  const detail = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
  return { ...count, failed: Math.max(1, count.failed), failures: [...count.failures, { path: [], detail }] };
}
