import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from './guard.js';
import { accepts, freePorts } from './ports.js';
import type { InstalledPostgres } from './postgres-find.js';
import { OWNER, postgresAnswers, type PrivatePostgres } from './postgres-private.js';
import { until } from './until.js';

const START_MS = 30_000;

/**
 * Ends the server whose main process is in $1/pid, and removes $1. SIGQUIT is the server's own "at once": it takes its
 * processes and its piece of shared memory with it. One that does not listen is killed.
 */
const CLEANUP = `
  pid=$(cat "$1/pid" 2>/dev/null)
  if [ -n "$pid" ]; then
    kids=$(cat /proc/$pid/task/*/children 2>/dev/null)
    kill -CONT $pid $kids; kill -QUIT $pid
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 $pid || break; sleep 0.1; done
    kill -9 $pid $kids
  fi
  for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" && break; sleep 0.1; done`;

/** Small, and as careful with its data as a real one: fsync, full_page_writes and synchronous_commit stay on. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  shared_buffers: '32MB',
  max_connections: '100',
  max_wal_size: '256MB',
  // In a file of its own folder, so that a killed server leaves nothing in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
  log_min_messages: 'warning',
  logging_collector: 'off',
};

/** Starts a server from an installed PostgreSQL; see `startPrivatePostgres`. */
export async function startInstalledPostgres(installed: InstalledPostgres): Promise<PrivatePostgres> {
  const user = serverUser();
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'parlor-postgres-')));
  if (user !== undefined) fs.chownSync(folder, user.uid, user.gid);
  const guarded = guard(CLEANUP, folder);
  try {
    initialise(installed, folder, user);
    const [port] = (await freePorts(1)) as [number];
    const server = new InstalledServer(installed, folder, port, user, () => guarded.release());
    await server.start();
    return server;
  } catch (error) {
    await guarded.release();
    throw error;
  }
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root: then it runs as the user of Debian's package, or as nobody. */
function serverUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((option) => {
      const { status, stdout } = spawnSync('id', [option, name], { encoding: 'utf8' });
      return status === 0 ? Number(stdout) : undefined;
    });
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody');
}

function initialise({ initdb }: InstalledPostgres, folder: string, user: User | undefined): void {
  const args = [
    '-D',
    join(folder, 'data'),
    '-U',
    OWNER,
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ];
  // Where the server can (15 and later, built with ICU), text sorts as in English: what relies on the order of bytes
  // has to say so, as it must on an operator's server.
  const english = ['--locale-provider=icu', '--icu-locale=en-US'];
  const options = { ...user, cwd: folder, stdio: 'pipe', encoding: 'utf8' } as const;
  if (spawnSync(initdb, [...args, ...english], options).status !== 0) execFileSync(initdb, args, options);
}

class InstalledServer implements PrivatePostgres {
  readonly kind = 'private';
  readonly url: string;
  private server: ChildProcess | undefined;

  constructor(
    private readonly installed: InstalledPostgres,
    private readonly folder: string,
    readonly port: number,
    private readonly user: User | undefined,
    readonly close: () => Promise<void>,
  ) {
    this.url = `postgresql://${OWNER}@127.0.0.1:${port}/postgres`;
  }

  get pid(): number {
    return this.running().pid as number;
  }

  async start(): Promise<void> {
    if (this.server !== undefined) throw new Error('the server is running');
    const server = this.spawn();
    let answer: true | string = 'not asked yet';
    const answers = async (): Promise<boolean> => {
      if (hasEnded(server)) throw new Error('it ended while it started');
      answer = await postgresAnswers(this.url);
      return answer === true;
    };
    try {
      await until(answers, { timeoutMs: START_MS, intervalMs: 30, what: 'PostgreSQL to answer' });
    } catch (error) {
      throw new Error(`PostgreSQL did not start (${answer})\n${this.lastLines()}`, { cause: error });
    }
    this.server = server;
  }

  async stop(): Promise<void> {
    const server = this.running();
    server.kill('SIGINT'); // "Fast": it does not wait for its clients to go.
    await until(() => hasEnded(server), { timeoutMs: START_MS, what: 'PostgreSQL to stop' });
    this.forget();
  }

  async kill(): Promise<void> {
    const server = this.running();
    server.kill('SIGSTOP'); // So that it cannot start another process while they are counted.
    const all = [...this.children(), this.pid];
    for (const pid of all) signal(pid, 'SIGKILL');
    await until(async () => hasEnded(server) && !all.some(isAlive) && !(await accepts(this.port)), {
      what: 'PostgreSQL to be dead',
    });
    this.forget();
  }

  async freeze(): Promise<void> {
    this.running().kill('SIGSTOP');
    for (const pid of this.children()) signal(pid, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    for (const pid of this.children()) signal(pid, 'SIGCONT');
    this.running().kill('SIGCONT');
  }

  /** Each of them leads a process group of its own, so that the main process' group is not all of it. */
  private children(): number[] {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    return stdout
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .filter(([, parent]) => parent === this.pid)
      .flatMap(([pid]) => pid ?? []);
  }

  private running(): ChildProcess {
    if (this.server === undefined) throw new Error('the server is not running');
    return this.server;
  }

  private forget(): void {
    // The system may give its number to another process: the guard must not kill that one.
    fs.rmSync(join(this.folder, 'pid'));
    this.server = undefined;
  }

  private spawn(): ChildProcess {
    const output = fs.openSync(join(this.folder, 'out'), 'a');
    const settings = { ...SETTINGS, port: String(this.port), unix_socket_directories: this.folder };
    const child = spawn(
      this.installed.postgres,
      [
        ...['-D', join(this.folder, 'data')],
        ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      { ...this.user, cwd: this.folder, stdio: ['ignore', output, output], detached: true },
    );
    fs.closeSync(output);
    if (child.pid === undefined) throw new Error(`could not start ${this.installed.postgres}`);
    fs.writeFileSync(join(this.folder, 'pid'), String(child.pid));
    child.unref();
    return child;
  }

  private lastLines(): string {
    return fs.readFileSync(join(this.folder, 'out'), 'utf8').split('\n').slice(-30).join('\n');
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function isAlive(pid: number): boolean {
  return signal(pid, 0);
}

/** False when there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // It has ended by itself.
  }
}
