import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import {
  cpuSecondsOf,
  ioBytesOf,
  mainThreadSecondsOf,
  otherThreadSecondsOf,
  residentBytesOf,
} from './processes.js';

/** A server's process, as everybody measures it. Linux only: it reads /proc. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** CPU used so far by all its threads, seconds. */
  cpuSeconds(): number;
  /** The same of its first thread: in Node the one that runs the event loop. */
  mainThreadSeconds(): number;
  /** The same of its other threads, by their ids. */
  otherThreadSeconds(): ReadonlyMap<number, number>;
  /** Resident memory now, bytes. */
  residentBytes(): number;
  /**
   * What it has read and written so far with read(2) and write(2): in Node pipes, files and sockets, but not those of
   * uWebSockets.js, which uses recv(2) and send(2).
   */
  backBytes(): number;
  /** The last warnings and errors that it has logged. */
  complaints(): readonly string[];
  stop(): Promise<void>;
}

interface Options {
  readonly program: string;
  readonly args: readonly string[];
  /** On top of this process's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Which of the lines on its standard output are warnings and errors; undefined: it logs nothing there. */
  readonly complaint?: RegExp;
  /** Whether it is one of ours that speaks over Node's channel. */
  readonly channel: boolean;
}

const COMPLAINTS_KEPT = 5;

/** Starts a server as a process of its own. Whatever ends this process ends that one too. */
export function startProcess({ program, args, env, complaint, channel }: Options): ServerProcess {
  const stdio: StdioOptions = [
    'ignore',
    complaint ? 'pipe' : 'ignore',
    'inherit',
    ...(channel ? (['ipc'] as const) : []),
  ];
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const pid = child.pid ?? 0;
  const complaints: string[] = [];
  if (complaint) collect(child, complaint, complaints);
  return {
    child,
    cpuSeconds: () => cpuSecondsOf(pid),
    mainThreadSeconds: () => mainThreadSecondsOf(pid),
    otherThreadSeconds: () => otherThreadSecondsOf(pid),
    backBytes: () => ioBytesOf(pid),
    residentBytes: () => residentBytesOf(pid),
    complaints: () => complaints,
    stop: () =>
      new Promise((stopped) => {
        process.off('exit', kill);
        if (hasEnded(child)) return stopped();
        child.once('exit', () => stopped());
        kill();
      }),
  };
}

export function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/**
 * A server may log a line per request, and reading them must not cost what is measured here: a piece of its output
 * in which nothing matches is not cut into lines.
 */
function collect(child: ChildProcess, complaint: RegExp, complaints: string[]): void {
  let unfinished = '';
  child.stdout?.setEncoding('latin1').on('data', (piece: string) => {
    const end = piece.lastIndexOf('\n');
    const text = unfinished + piece.slice(0, end + 1);
    unfinished = end < 0 ? text + piece : piece.slice(end + 1);
    if (end < 0 || !complaint.test(text)) return;
    complaints.push(...text.split('\n').filter((line) => complaint.test(line)));
    complaints.splice(0, complaints.length - COMPLAINTS_KEPT);
  });
}
