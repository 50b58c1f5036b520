import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

/** Cleans up exactly once: when it is released, or when this process ends without having released it. */
export interface Guard {
  /** Cleans up now. Resolves when that is done; again and again is fine. */
  release(): Promise<void>;
}

/**
 * Runs the shell script `cleanup` (`args` are its $1, $2, …) when this process is gone, however it went:
 * SIGKILL included, where no handler of ours could run.
 *
 * The guard is a small process that reads a pipe whose other end only we hold: the end of our process is the
 * end of the pipe. It has its own process group, so that what ends ours (Ctrl-C, a runner's timeout) spares it.
 */
export function guard(cleanup: string, ...args: string[]): Guard {
  const child = spawn('/bin/sh', ['-c', `cat >/dev/null; ${cleanup}`, 'guard', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  const gone = once(child, 'exit');
  // Neither the process nor the pipe keeps a test running that forgot to release: its end is the release.
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return {
    async release() {
      child.ref();
      child.stdin.end();
      await gone;
    },
  };
}
