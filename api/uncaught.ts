import type { Logger } from 'pino';
import { errorText } from '../engine/errors.js';

/**
 * Ends the process with exit code 1, and one line of level fatal in the log, at an error that nobody has caught, also that of a
 * rejected promise: what is in memory may be wrong from then on, and what was answered is in the store. A restart is up to whoever
 * started the process.
 */
export function endOnUncaught(log: Logger): void {
  const end = (cause: unknown): never => {
    try {
      const stack = cause instanceof Error ? cause.stack : undefined;
      log.fatal({ cause: errorText(cause), stack }, 'an error that nobody has caught: the process ends');
      log.flush();
    } finally {
      // Also where the log cannot be written.
      process.exit(1);
    }
  };
  process.on('uncaughtException', end);
  // Whatever --unhandled-rejections says.
  process.on('unhandledRejection', end);
}
