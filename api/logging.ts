import { createRequire } from 'node:module';
import { pino, type DestinationStream, type Logger } from 'pino';
import type * as Pretty from 'pino-pretty';
import { quoted } from '../engine/json.js';
import type { Config } from './config.js';

const require = createRequire(import.meta.url);

export const STANDARD_OUTPUT = 1;
export const STANDARD_ERROR = 2;

/** What is logged of each request. */
export interface Requested {
  readonly request_id: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly ms: number;
  /** The client's address; left out where nothing is wrong. */
  readonly ip?: string;
}

export type NodeLog = Logger & {
  /** As `info(fields, 'request')`. */
  requested(fields: Requested): void;
};

/**
 * The log, by default on standard output: JSON lines, or readable text on a terminal. The lines of a `worker` have its
 * number; several workers may write to the same destination.
 */
export function createLog(
  config: Pick<Config, 'LOG_LEVEL' | 'LOG_FORMAT'>,
  destination = STANDARD_OUTPUT,
  worker?: number,
): NodeLog {
  const timestamp = createTimestamp();
  const options = { level: config.LOG_LEVEL, base: worker === undefined ? null : { worker }, timestamp };
  if (isPretty(config.LOG_FORMAT)) {
    // Only here: it takes 50 ms to load.
    const { PinoPretty } = require('pino-pretty') as typeof Pretty;
    const log = pino(
      options,
      PinoPretty({ destination, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
    );
    return Object.assign(log, { requested: (fields: Requested) => log.info(fields, 'request') });
  }
  const stream = gathered(destination, worker === undefined ? Infinity : WHOLE_BYTES);
  const log = pino(options, stream);
  const bound = worker === undefined ? '' : `,"worker":${worker}`;
  const requested = (fields: Requested): void => {
    if (log.levelVal <= INFO) stream.write(requestLine(timestamp() + bound, fields));
  };
  return Object.assign(log, { requested });
}

/** Milliseconds as they are logged. */
export function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

const INFO = pino.levels.values['info'] ?? 30;

/** The line that pino would write (a test compares them) at a sixth of the cost, as there is one for each request. */
function requestLine(bound: string, { request_id, method, url, status, ms, ip }: Requested): string {
  const address = ip === undefined ? '' : `,"ip":${quoted(ip)}`;
  return `{"level":${INFO}${bound},"request_id":${quoted(request_id)},"method":${quoted(method)},"url":${quoted(url)},"status":${status},"ms":${ms}${address},"msg":"request"}\n`;
}

/** As pino's isoTime, but formatted once a millisecond and not once a line. */
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

/** Lines are written when this many characters are buffered … */
const GATHERED = 16 * 1024;

/** … or after this many ms, or when the process ends. So the lines of a busy node share system calls. */
const GATHERED_MS = 5;

/** A UTF-16 unit takes at most this many bytes of UTF-8 (an astral character has two units). */
const BYTES_EACH = 3;

/** The largest write to a pipe that is atomic (PIPE_BUF). Larger ones of several processes may mix (POSIX, write). */
const WHOLE_BYTES = 4_096;
const NEW_LINE = 10;

/** Buffers lines. A write holds whole lines, at most `most` bytes; a line that is longer is written alone. */
function gathered(destination: number, most: number): DestinationStream & { flush(): void } {
  const out = pino.destination({ dest: destination, sync: true, contentMode: 'buffer' });
  let encoded = Buffer.allocUnsafeSlow(2 * GATHERED);
  let lines = '';
  let due: NodeJS.Timeout | undefined;
  // As bytes: SonicBoom asks for a string's length in bytes several times, which is slow if it has many pieces.
  const flush = (): void => {
    clearTimeout(due);
    due = undefined;
    if (lines === '') return;
    const needed = lines.length * BYTES_EACH;
    if (encoded.length < needed) encoded = Buffer.allocUnsafeSlow(needed);
    const length = encoded.write(lines);
    lines = '';
    for (let from = 0; from < length;) {
      const to = length - from <= most ? length : endOfLines(from);
      // A copy, as SonicBoom may keep it.
      // @ts-expect-error -- its types know strings only, whatever its contentMode says
      out.write(Buffer.from(encoded.subarray(from, to)));
      from = to;
    }
  };

  /** The end of the last line that fits; of the first line, if none fits. */
  function endOfLines(from: number): number {
    const last = encoded.lastIndexOf(NEW_LINE, from + most - 1);
    return (last >= from ? last : encoded.indexOf(NEW_LINE, from)) + 1;
  }
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
