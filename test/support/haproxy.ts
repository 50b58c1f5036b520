import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accepts, freePorts } from './ports.js';
import { aptInstall, canUseApt, isProgram, onPath } from './system.js';
import { until } from './until.js';

const CONFIG = fileURLToPath(new URL('../../../deploy/haproxy.cfg', import.meta.url));
const DEBIAN = '/usr/sbin/haproxy';

/** HAProxy with deploy/haproxy.cfg, on a free port of 127.0.0.1, before nodes of this machine. */
export interface Proxied {
  readonly port: number;
  /** What it has logged. */
  log(): string;
  close(): Promise<void>;
}

/**
 * The path of HAProxy: the one that HAPROXY_PATH names, else an installed one, else Debian's package, installed now where
 * this process may do that. Throws one line that says what to do if there is none.
 */
export function ensureHaproxy(): string {
  const named = process.env.HAPROXY_PATH;
  if (named !== undefined && named !== '') return named;
  const find = (): string | undefined => onPath('haproxy') ?? (isProgram(DEBIAN) ? DEBIAN : undefined);
  const found = find();
  if (found !== undefined) return found;
  if (canUseApt()) aptInstall('haproxy');
  const installed = find();
  if (installed !== undefined) return installed;
  throw new Error('No HAProxy: install haproxy, or set HAPROXY_PATH to it');
}

/** Starts it; `nodes` are the ports that stand for parlor1, parlor2 and parlor3. */
export async function startHaproxy(nodes: readonly number[]): Promise<Proxied> {
  const program = ensureHaproxy();
  const [port] = (await freePorts(1)) as [number];
  const folder = mkdtempSync(join(tmpdir(), 'parlor-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configFor(port, nodes));
  const child = spawn(program, ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
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
        if (child.exitCode !== null) throw new Error(`HAProxy did not start: ${log}`);
        return accepts(port);
      },
      { what: 'HAProxy to listen' },
    );
  } catch (cause) {
    await close();
    throw cause;
  }
  return { port, log: () => log, close };
}

/** The file as it is, but for addresses: there is no Docker here that could look names up. */
function configFor(port: number, nodes: readonly number[]): string {
  const config = readFileSync(CONFIG, 'utf8')
    .replace('bind :8000', `bind 127.0.0.1:${port}`)
    .replace(/^resolvers docker\n(?: .*\n)*/m, '')
    .replace(/ resolvers docker init-addr \S+/, '');
  return nodes.reduce((text, node, i) => text.replace(`parlor${i + 1}:8000`, `127.0.0.1:${node}`), config);
}
