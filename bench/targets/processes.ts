import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second (proc(5), sysconf _SC_CLK_TCK). */
const CLOCK_TICKS = 100;

interface Stat {
  readonly parent: number;
  readonly cpuSeconds: number;
  /** Of its children that have ended. */
  readonly endedSeconds: number;
}

/** What /proc/<…>/stat says, proc(5); the second field, a name in brackets, may contain anything. */
function readStat(path: string): Stat {
  const text = readFileSync(path, 'utf8');
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = (index: number): number => fields[index] ?? 0;
  return {
    parent: ticks(1),
    cpuSeconds: (ticks(11) + ticks(12)) / CLOCK_TICKS,
    endedSeconds: (ticks(13) + ticks(14)) / CLOCK_TICKS,
  };
}

/** CPU that a process has used so far with all its threads, seconds. Throws when it has ended. */
export function cpuSecondsOf(pid: number): number {
  return readStat(`/proc/${pid}/stat`).cpuSeconds;
}

/** The same of its first thread alone: in Node the one that runs the event loop. */
export function mainThreadSecondsOf(pid: number): number {
  return readStat(`/proc/${pid}/task/${pid}/stat`).cpuSeconds;
}

/** The same of each of its other threads, by the thread's id; of those that there are now. */
export function otherThreadSecondsOf(pid: number): Map<number, number> {
  const seconds = new Map<number, number>();
  for (const name of readdirSync(`/proc/${pid}/task`)) {
    if (Number(name) === pid) continue;
    try {
      seconds.set(Number(name), readStat(`/proc/${pid}/task/${name}/stat`).cpuSeconds);
    } catch {
      continue; // It ended after the folder was listed.
    }
  }
  return seconds;
}

/** Resident memory now, bytes. */
export function residentBytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** What the kernel holds for itself and cannot give back now, bytes: sockets above all. Of the whole machine. */
export function kernelBytes(): number {
  return Number(/SUnreclaim:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
}

/** What a process has read and written so far with read(2), write(2) and their kin (proc(5)), bytes. */
export function ioBytesOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  const count = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return count('rchar') + count('wchar');
}

/** The process that started this one, if this one is here and its command line begins so; else null. */
export function parentOf(pid: number, commandLine: string): number | null {
  const folder = `/proc/${pid}`;
  if (!existsSync(folder) || !readFileSync(`${folder}/cmdline`, 'utf8').startsWith(commandLine)) return null;
  return readStat(`${folder}/stat`).parent;
}

/** CPU of a process and its children, those that have ended too, seconds. */
export function familySecondsOf(pid: number): number {
  const self = readStat(`/proc/${pid}/stat`);
  let sum = self.cpuSeconds + self.endedSeconds;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const other = readStat(`/proc/${name}/stat`);
      if (other.parent === pid) sum += other.cpuSeconds;
    } catch {
      continue; // It ended after the folder was listed; its parent counts it from now on.
    }
  }
  return sum;
}

/** CPU that everything on this machine has used since it started, and what its host has taken away, seconds. */
export function machineSeconds(): number {
  const [, user, nice, system, , , irq, softirq, steal] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .map(Number);
  const sum = [user, nice, system, irq, softirq, steal].reduce((all: number, one) => all + (one ?? 0), 0);
  return sum / CLOCK_TICKS;
}
