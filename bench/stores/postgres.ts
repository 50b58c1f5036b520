import pg from 'pg';
import { familySecondsOf, parentOf } from '../targets/processes.js';

export interface PostgresServer {
  /** Its version and the settings that decide what a commit costs. */
  readonly about: string;
  createDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }>;
  /** CPU used by all its processes so far, seconds; null where they are not on this machine. */
  cpuSeconds(): number | null;
  close(): Promise<void>;
}

/**
 * Connects to a PostgreSQL in which databases may be made and dropped. Rejects if it is not there, and if its commits
 * are not durable: what is measured then would be something else.
 */
export async function openPostgres(url: string): Promise<PostgresServer> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // An idle connection that breaks says so as an event; the next query fails with the reason.
  client.on('error', () => undefined);
  await client.connect();
  const show = async (name: string): Promise<string> =>
    String((await client.query<Record<string, string>>(`SHOW ${name}`)).rows[0]?.[name]);
  const fsync = await show('fsync');
  const wait = await show('synchronous_commit');
  if (fsync !== 'on' || wait === 'off') {
    await client.end();
    throw new Error(`its commits are not durable (fsync=${fsync}, synchronous_commit=${wait})`);
  }
  const backend = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  // A server in a container or elsewhere has numbers of its own.
  const main = parentOf(backend.rows[0]?.pid ?? 0, 'postgres:');
  let made = 0;
  return {
    about: `PostgreSQL ${await show('server_version')} (fsync=${fsync}, synchronous_commit=${wait}, shared_buffers=${await show('shared_buffers')})`,
    async createDatabase() {
      const name = `parlor_bench_${process.pid}_${++made}`;
      await client.query(`CREATE DATABASE ${name}`);
      const own = new URL(url);
      own.pathname = `/${name}`;
      return {
        url: own.href,
        async drop() {
          await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
        },
      };
    },
    cpuSeconds: () => (main === null ? null : familySecondsOf(main)),
    close: () => client.end(),
  };
}
