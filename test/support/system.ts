import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full path of the first program of these names on PATH, or undefined. */
export function onPath(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** Is there a file at `path` that this user may run? */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // Not there, or not ours to run: for the caller it is the same.
  }
}

/** Can this process install Debian packages? */
export function canUseApt(): boolean {
  return process.getuid?.() === 0 && onPath('apt-get') !== undefined;
}

/**
 * Installs one Debian package and nothing that it merely recommends. Blocks, for minutes on a slow network.
 * One line on stderr says what is happening; apt's own output is shown only in the error it throws.
 */
export function aptInstall(packageName: string): void {
  process.stderr.write(`Installing Debian's package ${packageName} (apt-get) …\n`);
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', packageName]]) {
    const { status, stdout, stderr, error } = spawnSync('apt-get', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${stdout}${stderr}`);
  }
}
