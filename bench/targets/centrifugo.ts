import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorText } from '../../engine/errors.js';
import { freePorts } from '../../test/support/ports.js';
import { isProgram, onPath } from '../../test/support/system.js';
import { until } from '../../test/support/until.js';
import { hasEnded, startProcess } from './process.js';
import type { Target } from './kinds.js';

const run = promisify(execFile);

/** What is built where there is none; it needs Go 1.26. */
const MODULE = 'github.com/centrifugal/centrifugo/v6';
const VERSION = '6.9.1';
const BUILD_MS = 600_000;
const START_MS = 30_000;
const COMPLAINT = /"level":"(error|fatal)"/;

/**
 * Memory engine (the default); nobody is asked who they are (`client.insecure`: centrifugal.dev/docs/server/configuration);
 * no history, presence or recovery, which are off unless a namespace asks for them, as they cost CPU
 * (docs/server/channels); no compression (docs/transports/websocket: off, it costs CPU); all cores (GOMAXPROCS is left
 * alone). Messages for one client are joined into one frame by default; to delay them for larger batches
 * (`client.write_delay`) is a feature of the PRO version only (docs/pro/client_message_batching).
 */
function config(port: number): object {
  return {
    log: { level: 'error' },
    http_server: { address: '127.0.0.1', port },
    client: { insecure: true },
    // Room ids are `channel:<name>`, and what stands before a colon is a namespace here.
    channel: { namespaces: [{ name: 'channel' }, { name: 'direct' }] },
    health: { enabled: true },
    usage_stats: { disabled: true },
  };
}

/** A Centrifugo that is here: on PATH, or built by an earlier benchmark. Installs nothing. */
export function findCentrifugo(): string | null {
  const cached = cachedProgram();
  return onPath('centrifugo') ?? (isProgram(cached) ? cached : null);
}

/** Null when Centrifugo can be started, else one line. Builds it, once, if Go is here: that takes some minutes. */
export async function missingCentrifugo(): Promise<string | null> {
  if (findCentrifugo() !== null) return null;
  const go = onPath('go');
  if (go === undefined) return 'there is no centrifugo on PATH, and no go to build it with: install either';
  try {
    await build(go);
    return null;
  } catch (cause) {
    const lines = errorText(cause).trim().split('\n');
    return `there is no centrifugo on PATH, and it could not be built: ${lines.at(-1) ?? ''}`;
  }
}

function cachedProgram(): string {
  const folder = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(folder, 'parlor-bench', `centrifugo-${VERSION}`);
}

async function build(go: string): Promise<void> {
  process.stderr.write(`bench: building Centrifugo ${VERSION} (go install), once; some minutes …\n`);
  const program = cachedProgram();
  const folder = `${program}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    await run(
      go,
      [
        'install',
        '-trimpath',
        `-ldflags=-s -w -X ${MODULE}/internal/build.Version=${VERSION}`,
        `${MODULE}@v${VERSION}`,
      ],
      { env: { ...process.env, GOBIN: folder }, timeout: BUILD_MS },
    );
    renameSync(join(folder, 'centrifugo'), program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts Centrifugo; `settings` are environment variables, such as CENTRIFUGO_LOG_LEVEL or GOMAXPROCS. */
export async function startCentrifugo(settings: Readonly<Record<string, string>>): Promise<Target> {
  const program = findCentrifugo();
  if (program === null) throw new Error('there is no Centrifugo: ask missing() first');
  const version = /\d+\.\d+\.\d+/.exec((await run(program, ['version'])).stdout)?.[0] ?? 'unknown';
  const [port] = (await freePorts(1)) as [number];
  const folder = mkdtempSync(join(tmpdir(), 'parlor-centrifugo-'));
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(config(port)));
  const server = startProcess({
    program,
    args: ['--config', file],
    env: settings,
    complaint: COMPLAINT,
    channel: false,
  });
  try {
    await until(
      () => {
        if (hasEnded(server.child)) throw new Error('Centrifugo ended before it listened');
        return isHealthy(port);
      },
      { timeoutMs: START_MS, what: 'Centrifugo to listen' },
    );
  } catch (cause) {
    await server.stop();
    throw cause;
  } finally {
    rmSync(folder, { recursive: true });
  }
  return {
    ...server,
    name: 'centrifugo',
    port,
    dialect: 'centrifugo',
    greets: false,
    version: `centrifugo ${version}`,
    settings:
      'memory engine, client.insecure, no history, presence or compression; several threads; batching by delay is PRO only',
    // There is no event loop: any thread may do anything.
    mainThreadSeconds: () => server.cpuSeconds(),
    otherThreadSeconds: () => new Map(),
    brokerCpuSeconds: () => null,
    brokerUrl: null,
    heapBytes: async () => null,
  };
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok;
  } catch {
    return false; // It does not listen yet.
  }
}
