import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgresInDocker } from './postgres-docker.js';
import { findPostgres } from './postgres-find.js';
import { startInstalledPostgres } from './postgres-installed.js';
import { postgresAnswers, query, withDatabase, type PrivatePostgres } from './postgres-private.js';
import { dockerAnswers } from './rabbitmq-docker.js';
import { aptInstall, canUseApt } from './system.js';

export { query as queryPostgres, type PrivatePostgres } from './postgres-private.js';

/** A server for a whole test run. */
export interface ProvidedPostgres {
  /** A database in which the tests make their own. */
  readonly url: string;
  /** Whose it is: the caller's own (PARLOR_TEST_DATABASE_URL), or one that this process started and will end. */
  readonly kind: 'given' | 'private' | 'docker';
  /** What the tests need in their environment. */
  readonly env: Record<string, string>;
  /** Ends the server and removes what it stored; of a given one, only the databases that the tests made. */
  stop(): Promise<void>;
}

/**
 * Provides a server that answers: the one that PARLOR_TEST_DATABASE_URL names, whose user must be allowed to create
 * databases, else a private one (see `startPrivatePostgres`). Rejects with one line if the variable is set and nothing
 * answers there: a run must not quietly test something else.
 */
export async function providePostgres(): Promise<ProvidedPostgres> {
  const given = process.env.PARLOR_TEST_DATABASE_URL;
  const prefix = `parlor_test_${random()}`;
  const environment = (url: string) => ({
    PARLOR_TEST_DATABASE_URL: url,
    PARLOR_TEST_DATABASE_PREFIX: prefix,
  });
  if (given === undefined || given === '') {
    const own = await startPrivatePostgres();
    return { url: own.url, kind: own.kind, env: environment(own.url), stop: () => own.close() };
  }
  const answer = await postgresAnswers(given);
  if (answer !== true) {
    throw new Error(
      `PARLOR_TEST_DATABASE_URL is set, and the PostgreSQL that it names does not answer: ${answer}`,
    );
  }
  return { url: given, kind: 'given', env: environment(given), stop: () => dropAll(given, prefix) };
}

/**
 * Starts a server of one's own, on a free port of 127.0.0.1 with its data in a temporary folder; about 1 s.
 *
 * From the installed PostgreSQL, else in Docker, else from Debian's package, installed now where this process may do
 * that. Whatever happens to this process, the server ends with it. Rejects with one line that says what to install if
 * there is no way, and with the end of the server's log if it does not start.
 */
export async function startPrivatePostgres(): Promise<PrivatePostgres> {
  const installed = findPostgres();
  if (installed !== undefined) return startInstalledPostgres(installed);
  if (dockerAnswers()) return startPostgresInDocker();
  if (canUseApt()) installPackage();
  const added = findPostgres();
  if (added !== undefined) return startInstalledPostgres(added);
  throw new Error(
    'No PostgreSQL: install its server (Debian: postgresql) or start Docker, or name a running one with PARLOR_TEST_DATABASE_URL',
  );
}

/**
 * The URL of a fresh and empty database of the run's server, for one test or one file. It goes when the run ends.
 * Rejects when the file was not started by `make test` and no PARLOR_TEST_DATABASE_URL is set.
 */
export async function ownDatabase(): Promise<string> {
  const url = process.env.PARLOR_TEST_DATABASE_URL;
  if (url === undefined || url === '')
    throw new Error('PARLOR_TEST_DATABASE_URL is not set: run the file with make test ONLY=<name>');
  const name = `${process.env.PARLOR_TEST_DATABASE_PREFIX ?? 'parlor_test'}_${random()}`;
  await query(url, `CREATE DATABASE ${name}`);
  return withDatabase(url, name);
}

/**
 * Debian's package makes a server on port 5432 and starts it, at once and with every later start of the machine:
 * not for us. The setting is taken away again, so that whoever installs another version gets what they expect.
 */
function installPackage(): void {
  const folder = '/etc/postgresql-common/createcluster.d';
  const file = join(folder, 'parlor-tests.conf');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, 'create_main_cluster = false\n');
  try {
    aptInstall('postgresql');
  } finally {
    rmSync(file);
  }
}

async function dropAll(url: string, prefix: string): Promise<void> {
  const rows = await query(url, 'SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [prefix]);
  for (const { datname } of rows as { datname: string }[]) {
    await query(url, `DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  }
}

function random(): string {
  return Math.random().toString(36).slice(2, 10);
}
