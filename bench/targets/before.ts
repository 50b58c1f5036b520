import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the environment: a folder with another version of Parlor, built, which `parlor-before` runs. */
const PARLOR_BEFORE = 'PARLOR_BEFORE';

export interface Before {
  /** The program to start. */
  readonly main: string;
  /** Its version and, where the folder is a checkout, its commit. */
  readonly version: string;
}

/** Null when the version before can be started, else one line that says what to do. */
export function missingBefore(): string | null {
  const folder = folderOf();
  if (folder === '') return `${PARLOR_BEFORE} is not set: name the folder of another version of Parlor`;
  return existsSync(mainIn(folder)) ? null : `there is no ${mainIn(folder)}: run make build in ${folder}`;
}

/** Throws where `missingBefore` names a reason. */
export function findBefore(): Before {
  const reason = missingBefore();
  if (reason !== null) throw new Error(reason);
  const folder = folderOf();
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const commit = commitIn(folder);
  return { main: mainIn(folder), version: commit === null ? version : `${version} (${commit})` };
}

function folderOf(): string {
  return process.env[PARLOR_BEFORE] ?? '';
}

/** Up to November 2026 the program was what tsc had made of `api/main.ts`. */
function mainIn(folder: string): string {
  const built = join(folder, 'dist/server/main.js');
  return existsSync(join(folder, 'api/build.js')) ? built : join(folder, 'dist/api/main.js');
}

function commitIn(folder: string): string | null {
  try {
    return execFileSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null; // No git, or no repository: a copy of the files.
  }
}
