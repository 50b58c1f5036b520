import type { Logger } from 'pino';
import { errorText } from '../engine/errors.js';
import { readConfig, type Config } from './config.js';

/** Writes one line to standard error and returns the exit code. */
export function complain(text: string, code: number): number {
  process.stderr.write(`parlor: ${text}\n`);
  return code;
}

/** The settings of this process; ends it with code 2 and one line if they are wrong. `more` overrides the environment. */
export function configOrExit(more: Readonly<Record<string, string>> = {}): Config {
  try {
    return readConfig({ ...process.env, ...more });
  } catch (cause) {
    process.exit(complain(errorText(cause), 2));
  }
}

/** Ends the process, with a last line in the log. */
export function exit(log: Logger, text: string, code: number): never {
  log.info({ code }, text);
  log.flush();
  process.exit(code);
}
