import { aptInstall, canUseApt, onPath } from './system.js';

/**
 * The path of the `python3` on PATH: an installed one, else Debian's package, installed now where this process may do
 * that. Throws one line that says what to do if there is none.
 */
export function ensurePython(): string {
  if (onPath('python3') === undefined && canUseApt()) aptInstall('python3');
  const path = onPath('python3');
  if (path === undefined) throw new Error('No python3 on PATH: install Python 3');
  return path;
}
