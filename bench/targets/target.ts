import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuSecondsOf, mainThreadSecondsOf, residentBytesOf } from './processes.js';

import type { DialectName } from '../load/plan.js';

export interface Target {
  readonly name: string;
  readonly dialect: DialectName;
  readonly version: string;
  heapBytes(): Promise<number | null>;
  readonly port: number;
  /** Whether it greets with a frame of its own. */
  readonly greets: boolean;
  /** CPU used so far by all its threads, seconds. */
  cpuSeconds(): number;
  /** The same of the thread that runs its event loop. */
  mainThreadSeconds(): number;
  /** Resident memory now, bytes. */
  residentBytes(): number;
  /** The last warnings and errors that it has logged. */
  complaints(): readonly string[];
  stop(): Promise<void>;
}

interface Program {
  readonly file: string;
  /** The line that tells its port. */
  readonly port: RegExp;
  readonly greets: boolean;
}

export type TargetName =
  'parlor' | 'parlor-rabbitmq' | 'uws-gathered' | 'uws-raw' | 'ws' | 'socket.io' | 'centrifugo';

/** Stub. */
export async function missing(_name: TargetName): Promise<string | null> {
  return null;
}

const PROGRAMS: Readonly<Partial<Record<TargetName, Program>>> = {
  parlor: { file: '../../api/main.js', port: /"http":"http:\/\/127\.0\.0\.1:(\d+)"/, greets: true },
  'uws-raw': { file: './uws-raw.js', port: /^port (\d+)/, greets: false },
};

/** In pino's JSON: warn, error and fatal. */
const COMPLAINT = /"level":[456]0/;
const COMPLAINTS_KEPT = 5;

/**
 * Starts a server as a process of its own, on a free port of this machine, with these settings on top of the
 * environment. Linux only: it reads /proc.
 */
export async function startTarget(
  name: TargetName,
  settings: Readonly<Record<string, string>> = {},
): Promise<Target> {
  const program = PROGRAMS[name];
  if (!program) throw new Error('not here yet');
  const env = {
    ...process.env,
    ...settings,
    PORT: '0',
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'info',
    NODE_ENV: 'production',
  };
  const child = spawn(process.execPath, [fileURLToPath(new URL(program.file, import.meta.url))], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Whatever ends the benchmark ends its server.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const complaints: string[] = [];
  const port = await portOf(child, program.port, (line) => {
    if (COMPLAINT.test(line) && complaints.push(line) > COMPLAINTS_KEPT) complaints.shift();
  });
  const pid = child.pid ?? 0;
  return {
    port,
    greets: program.greets,
    name,
    dialect: program.greets ? 'parlor' : 'plain',
    version: '',
    heapBytes: async () => null,
    cpuSeconds: () => cpuSecondsOf(pid),
    mainThreadSeconds: () => mainThreadSecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    complaints: () => complaints,
    stop: () =>
      new Promise((stopped) => {
        process.off('exit', kill);
        if (child.exitCode !== null || child.signalCode !== null) return stopped();
        child.once('exit', () => stopped());
        kill();
      }),
  };
}

function portOf(child: ChildProcess, pattern: RegExp, onLine: (line: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the target ended with ${code} before it listened`)));
    if (!child.stdout) return reject(new Error('the target has no standard output'));
    // Reading on after the port is known keeps the pipe from filling up.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = pattern.exec(line);
      if (match) resolve(Number(match[1]));
      onLine(line);
    });
  });
}
