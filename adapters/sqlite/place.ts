import { accessSync, constants, mkdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { faultOf, Refusal } from './faults.js';

/**
 * The file of a store as an absolute path without symbolic links; creates its folder if it does not exist. Throws a
 * Refusal of one line if there can be no database.
 */
export function placeOf(path: string): string {
  if (path.trim() === '') throw new Refusal('the path of the database is empty: name a file in SQLITE_PATH');
  const folder = dirname(resolve(path));
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new Refusal(
      `the folder ${folder} for the database cannot be created (${faultOf(cause).code}): create it, or name another file in SQLITE_PATH`,
    );
  }
  const there = statSync(resolve(path), { throwIfNoEntry: false });
  const file = there ? realpathSync(resolve(path)) : join(realpathSync(folder), basename(path));
  if (there?.isDirectory()) throw new Refusal(`${path} is a folder: name a file in SQLITE_PATH`);
  if (there && !there.isFile()) throw new Refusal(`${path} is not a file: name one in SQLITE_PATH`);
  assertWritable(dirname(file), `the folder ${dirname(file)}`);
  if (there) assertWritable(file, `the database file ${path}`);
  return file;
}

function assertWritable(what: string, name: string): void {
  try {
    accessSync(what, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new Refusal(
      `${name} is read-only for this user (${faultOf(cause).code}): let it write there, or name another file in SQLITE_PATH`,
    );
  }
}
