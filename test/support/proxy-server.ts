import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts, freePorts } from './ports.js';
import { aptInstall, canUseApt, isProgram, onPath } from './system.js';
import { until } from './until.js';

/** A proxy on a free port of 127.0.0.1, before nodes of this machine. */
export interface Proxied {
  readonly port: number;
  /** What it has logged. */
  log(): string;
  close(): Promise<void>;
}

interface ProxyProgram {
  readonly name: 'haproxy' | 'nginx';
  /** Names a path in the environment that goes before all others. */
  readonly variable: string;
  /** Its arguments for a configuration in this file, in the foreground. */
  readonly args: (file: string) => readonly string[];
}

/** Its own configuration for a port and a folder. */
export type ProxyConfig = (port: number, folder: string) => string;

/**
 * The path of a proxy: the one that its variable names, else an installed one, else Debian's package, installed now where
 * this process may do that. Throws one line that says what to do if there is none.
 */
export function ensureProxy({ name, variable }: ProxyProgram): string {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return named;
  const debian = `/usr/sbin/${name}`;
  const find = (): string | undefined => onPath(name) ?? (isProgram(debian) ? debian : undefined);
  const found = find();
  if (found !== undefined) return found;
  if (canUseApt()) aptInstall(name);
  const installed = find();
  if (installed !== undefined) return installed;
  throw new Error(`No ${name}: install it, or set ${variable} to its path`);
}

/** Starts a proxy; resolves when it listens. */
export async function startProxyServer(program: ProxyProgram, config: ProxyConfig): Promise<Proxied> {
  const path = ensureProxy(program);
  const [port] = (await freePorts(1)) as [number];
  const folder = mkdtempSync(join(tmpdir(), `parlor-${program.name}-`));
  const file = join(folder, 'proxy.cfg');
  writeFileSync(file, config(port, folder));
  const child = spawn(path, program.args(file), { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (log += bytes.toString()));
  const ended = new Promise<void>((over) => child.once('close', () => over()));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const close = async (): Promise<void> => {
    kill();
    await ended;
    process.off('exit', kill);
    rmSync(folder, { recursive: true });
  };
  try {
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`${program.name} did not start: ${log}`);
        return accepts(port);
      },
      { what: `${program.name} to listen` },
    );
  } catch (cause) {
    await close();
    throw cause;
  }
  return { port, log: () => log, close };
}

export const HAPROXY: ProxyProgram = {
  name: 'haproxy',
  variable: 'HAPROXY_PATH',
  args: (file) => ['-db', '-f', file],
};

export const NGINX: ProxyProgram = {
  name: 'nginx',
  variable: 'NGINX_PATH',
  args: (file) => ['-c', file, '-e', 'stderr', '-g', 'daemon off; master_process off;'],
};
