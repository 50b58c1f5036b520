import type { Writable } from 'node:stream';
import { SingleBar } from 'cli-progress';

/** A stream that may be a terminal, such as process.stderr. */
export type Terminal = Writable & { readonly isTTY?: boolean };

export interface Progress {
  /** `total` is null if it is unknown: then only `text` is shown. */
  update(done: number, total: number | null, text: string): void;
  /** Removes the bar. */
  stop(): void;
}

const FRAMES_PER_S = 10;

/** Shows nothing. */
export const NO_PROGRESS: Progress = { update: () => undefined, stop: () => undefined };

/** A progress bar on a terminal; nothing on anything else. */
export function createProgress(stream: Terminal, verb: string): Progress {
  if (stream.isTTY !== true) return NO_PROGRESS;
  let bar: SingleBar | null = null;
  return {
    update(done, total, text) {
      if (!bar) {
        const format =
          total === null ? '{verb} {text}' : '{verb} [{bar}] {percentage}% {text}, {eta_formatted} left';
        bar = new SingleBar({
          ...{ stream, format, fps: FRAMES_PER_S, barsize: 24, etaBuffer: 100, clearOnComplete: true },
          formatTime: timeLeft,
        });
        bar.start(total ?? 0, done, { verb, text });
      }
      if (total !== null) bar.setTotal(total);
      bar.update(done, { text });
    },
    stop: () => bar?.stop(),
  };
}

/** At first the time is unknown: cli-progress then passes a word instead of a number. */
function timeLeft(seconds: unknown): string {
  if (typeof seconds !== 'number') return 'some time';
  return `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, '0')}`;
}
