import { execFileSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isProgram, onPath } from './system.js';

const DEBIAN = '/usr/lib/postgresql';

/** The programs of an installed PostgreSQL server. */
export interface InstalledPostgres {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The installed server, or undefined: on PATH, in Debian's folders (which are not on PATH; the newest version first),
 * or where pg_config says.
 */
export function findPostgres(): InstalledPostgres | undefined {
  const onThePath = onPath('initdb');
  const folders = [
    // What lies on PATH may be a link: initdb looks for its server beside the file itself.
    ...(onThePath === undefined ? [] : [dirname(realpathSync(onThePath))]),
    ...versionsIn(DEBIAN),
    ...configured(),
    '/opt/homebrew/opt/postgresql/bin',
    '/usr/local/pgsql/bin',
  ];
  return folders
    .map((folder) => ({ initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }))
    .find(({ initdb, postgres }) => isProgram(initdb) && isProgram(postgres));
}

function versionsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(folder, version, 'bin'));
  } catch {
    return []; // PostgreSQL is not installed there.
  }
}

function configured(): string[] {
  const program = onPath('pg_config');
  if (program === undefined) return [];
  try {
    return [execFileSync(program, ['--bindir'], { encoding: 'utf8' }).trim()];
  } catch {
    return []; // A pg_config without its package: it knows of no server.
  }
}
