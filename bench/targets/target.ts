import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Target {
  readonly port: number;
  /** Whether it greets with a frame of its own. */
  readonly greets: boolean;
  /** CPU used so far, seconds. */
  cpuSeconds(): number;
  /** Resident memory now, bytes. */
  residentBytes(): number;
  stop(): Promise<void>;
}

interface Program {
  readonly file: string;
  /** The line that tells its port. */
  readonly port: RegExp;
  readonly greets: boolean;
}

export type TargetName = 'parlor' | 'uws-raw';

const PROGRAMS: Readonly<Record<TargetName, Program>> = {
  parlor: { file: '../../api/main.js', port: /"http":"http:\/\/127\.0\.0\.1:(\d+)"/, greets: true },
  'uws-raw': { file: './uws-raw.js', port: /^port (\d+)/, greets: false },
};

/** Linux counts a process's CPU time in hundredths of a second (proc(5), sysconf _SC_CLK_TCK). */
const CLOCK_TICKS = 100;

/** Starts a server as a process of its own, on a free port of this machine. Linux only: it reads /proc. */
export async function startTarget(name: TargetName): Promise<Target> {
  const program = PROGRAMS[name];
  const env = { ...process.env, PORT: '0', LOG_FORMAT: 'json', LOG_LEVEL: 'info', NODE_ENV: 'production' };
  const child = spawn(process.execPath, [fileURLToPath(new URL(program.file, import.meta.url))], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await portOf(child, program.port);
  const pid = child.pid ?? 0;
  return {
    port,
    greets: program.greets,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    },
    residentBytes: () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    stop: () =>
      new Promise((stopped) => {
        child.once('exit', () => stopped());
        child.kill('SIGKILL');
      }),
  };
}

function portOf(child: ChildProcess, pattern: RegExp): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the target ended with ${code} before it listened`)));
    if (!child.stdout) return reject(new Error('the target has no standard output'));
    // Reading on after the port is known keeps the pipe from filling up.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = pattern.exec(line);
      if (match) resolve(Number(match[1]));
    });
  });
}
