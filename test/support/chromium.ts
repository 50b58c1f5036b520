import { aptInstall, canUseApt, isProgram, onPath } from './system.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ON_MACOS = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/**
 * The path of a Chromium or Chrome: the one that CHROMIUM_PATH names, else an installed one, else Debian's
 * package, installed now where this process may do that. Throws one line that says what to do if there is none.
 */
export function ensureChromium(): string {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== '') {
    if (isProgram(named)) return named;
    throw new Error(`CHROMIUM_PATH is ${named}, and there is no program there`);
  }
  const found = onPath(...NAMES) ?? (isProgram(ON_MACOS) ? ON_MACOS : undefined);
  if (found !== undefined) return found;
  if (canUseApt()) aptInstall('chromium');
  const installed = onPath(...NAMES);
  if (installed !== undefined) return installed;
  throw new Error('No Chromium: install chromium or google-chrome, or set CHROMIUM_PATH to one');
}
