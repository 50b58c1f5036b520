import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { guard } from './guard.js';
import { accepts, freePorts } from './ports.js';
import { OWNER, postgresAnswers, type PrivatePostgres } from './postgres-private.js';
import { until } from './until.js';

const run = promisify(execFile);
const IMAGE = 'postgres:17';
const START_MS = 60_000;
/** The first start may have to fetch the image. */
const FETCH_MS = 300_000;

/** Starts a server in a container; see `startPrivatePostgres`. */
export async function startPostgresInDocker(): Promise<PrivatePostgres> {
  const [port] = (await freePorts(1)) as [number];
  const url = `postgresql://${OWNER}@127.0.0.1:${port}/postgres`;
  const name = `parlor-test-postgres-${port}`;
  const docker = async (...args: string[]): Promise<string> =>
    (await run('docker', args, { timeout: FETCH_MS })).stdout;
  let pid = 0;
  // Docker's own proxy may hold the port before the server does: only an answer counts.
  const answers = async (): Promise<void> => {
    await until(async () => (await postgresAnswers(url)) === true, {
      timeoutMs: START_MS,
      intervalMs: 100,
      what: 'PostgreSQL in Docker to answer',
    });
    pid = Number(await docker('inspect', '--format', '{{.State.Pid}}', name));
  };
  const closed = () => until(async () => !(await accepts(port)), { what: 'the port of PostgreSQL to close' });

  const guarded = guard('docker rm --force --volumes "$1"', name);
  try {
    const env = [`POSTGRES_USER=${OWNER}`, 'POSTGRES_DB=postgres', 'POSTGRES_HOST_AUTH_METHOD=trust'];
    const options = ['--name', name, '-p', `127.0.0.1:${port}:5432`, ...env.flatMap((each) => ['-e', each])];
    await docker('run', '-d', ...options, IMAGE, '-c', 'shared_buffers=32MB');
    await answers();
  } catch (error) {
    await guarded.release();
    throw error;
  }
  return {
    kind: 'docker',
    url,
    port,
    get pid() {
      return pid;
    },
    async start() {
      await docker('start', name);
      await answers();
    },
    async stop() {
      await docker('stop', '-t', '30', name);
      await closed();
    },
    async kill() {
      await docker('kill', name);
      await closed();
    },
    async freeze() {
      await docker('pause', name);
    },
    async thaw() {
      await docker('unpause', name);
    },
    close: () => guarded.release(),
  };
}
