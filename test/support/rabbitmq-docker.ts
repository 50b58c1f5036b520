import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { guard } from './guard.js';
import { accepts, freePorts } from './ports.js';
import { amqpAnswers, ctl, type PrivateRabbit } from './rabbitmq-private.js';
import { until } from './until.js';

const run = promisify(execFile);
const IMAGE = 'rabbitmq:4';
const START_MS = 60_000;
/** The first start may have to fetch the image. */
const FETCH_MS = 300_000;

/** Is there a Docker engine that answers? A client alone is not enough. Blocks, for up to 10 s. */
export function dockerAnswers(): boolean {
  return spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/** Starts a broker in a container; see `startPrivateRabbit`. */
export async function startInDocker(): Promise<PrivateRabbit> {
  const [port] = (await freePorts(1)) as [number];
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  const name = `parlor-test-${port}`;
  const docker = (...args: string[]) => run('docker', args, { timeout: FETCH_MS });
  const answers = () =>
    until(async () => (await amqpAnswers(url)) === true, {
      timeoutMs: START_MS,
      intervalMs: 100,
      what: 'RabbitMQ in Docker to answer',
    });
  const closed = () => until(async () => !(await accepts(port)), { what: 'the port of RabbitMQ to close' });

  const folder = mkdtempSync(join(tmpdir(), 'parlor-rabbitmq-'));
  const ctlPath = join(folder, 'rabbitmqctl');
  writeFileSync(ctlPath, `#!/bin/sh\nexec docker exec ${name} rabbitmqctl "$@"\n`, { mode: 0o755 });
  const guarded = guard('docker rm --force --volumes "$1"; rm -rf "$2"', name, folder);
  try {
    // The name of the host is part of the name of the data's folder: it must outlive a restart.
    await docker('run', '-d', '--name', name, '--hostname', name, '-p', `127.0.0.1:${port}:5672`, IMAGE);
    await answers();
  } catch (error) {
    await guarded.release();
    throw error;
  }
  return {
    kind: 'docker',
    url,
    port,
    ctlPath,
    ctl: (...args) => ctl(ctlPath, args),
    async stopBroker() {
      await docker('stop', '-t', '30', name);
      await closed();
    },
    async startBroker() {
      await docker('start', name);
      await answers();
    },
    async kill() {
      await docker('kill', name);
      await closed();
    },
    close: () => guarded.release(),
  };
}
