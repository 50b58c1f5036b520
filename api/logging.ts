import { pino, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Config } from './config.js';

const STANDARD_OUTPUT = 1;
export const STANDARD_ERROR = 2;

/** The log, on standard output unless told otherwise: JSON lines, or for people on a terminal. */
export function createLog(
  config: Pick<Config, 'LOG_LEVEL' | 'LOG_FORMAT'>,
  destination = STANDARD_OUTPUT,
): Logger {
  const options = { level: config.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return isPretty(config.LOG_FORMAT)
    ? pino(
        options,
        PinoPretty({ destination, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
      )
    : pino(options, pino.destination(destination));
}

export function isPretty(format: Config['LOG_FORMAT']): boolean {
  return format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
}
