import { pino, type DestinationStream, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Config } from './config.js';

const STANDARD_OUTPUT = 1;
export const STANDARD_ERROR = 2;

/** The log, on standard output unless told otherwise: JSON lines, or for people on a terminal. */
export function createLog(
  config: Pick<Config, 'LOG_LEVEL' | 'LOG_FORMAT'>,
  destination = STANDARD_OUTPUT,
): Logger {
  const options = { level: config.LOG_LEVEL, base: null, timestamp: createTimestamp() };
  return isPretty(config.LOG_FORMAT)
    ? pino(
        options,
        PinoPretty({ destination, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
      )
    : pino(options, gathered(destination));
}

/** pino's own isoTime, which writes the same milliseconds once a line. */
function createTimestamp(): () => string {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** Lines are written when so many characters have gathered … */
const GATHERED = 16 * 1024;

/** … or after so many ms, or when the process ends: a busy node's lines share a system call. */
const GATHERED_MS = 5;

function gathered(destination: number): DestinationStream & { flush(): void } {
  const out = pino.destination({ dest: destination, sync: true });
  let lines = '';
  let due: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(due);
    due = undefined;
    const text = lines;
    lines = '';
    if (text !== '') out.write(text);
  };
  process.once('exit', flush);
  return {
    write(line: string): void {
      lines += line;
      if (lines.length >= GATHERED) flush();
      else due ??= setTimeout(flush, GATHERED_MS);
    },
    flush,
  };
}

export function isPretty(format: Config['LOG_FORMAT']): boolean {
  return format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
}
