import { errorText } from '../../engine/errors.js';

type Stop = () => Promise<void> | void;

/** What has to be stopped when something is over, however it ends. */
export interface Scope {
  /** Once everything has been stopped, at once. */
  defer(stop: Stop): void;
  /** Stops everything, the last one first, each once. Rejects with the first error, after all have been tried. */
  close(): Promise<void>;
}

export function createScope(): Scope {
  let stops: Stop[] | null = [];
  return {
    defer(stop) {
      if (stops) stops.push(stop);
      else void stopLate(stop);
    },
    async close() {
      const all = (stops ?? []).reverse();
      stops = null;
      const errors: unknown[] = [];
      for (const stop of all) {
        try {
          await stop();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** Nobody waits for it any more, so that an error has nobody to be told. */
async function stopLate(stop: Stop): Promise<void> {
  try {
    await stop();
  } catch (cause) {
    process.stderr.write(`bench: what came too late could not be stopped: ${errorText(cause)}\n`);
  }
}

/** Rejects with `what` when it takes longer than this. What goes on meanwhile is for the caller to stop. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} after ${Math.round(ms / 1000)} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
