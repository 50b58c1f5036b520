import { createAnswerPace } from './answer-pace.js';

/**
 * Reads that run in the store at the same time. Enough to keep its readers busy: SQLite has one thread for reading,
 * PostgreSQL DATABASE_POOL connections, 4 by default. Few enough that a room that is loaded is not delayed behind them.
 */
const MAX_RUNNING = 16;

/**
 * Reads in the queue, some hundred bytes each. SQLite answers one after another: at N ms a read, the last one waits
 * 1,040 × N ms, which is seconds for pages of history. Beyond that, a client had better try again.
 */
const MAX_QUEUED = 1_024;

/** The refusal of a read when the queue is full. Its message is for the client. */
export class TooManyReads extends Error {
  constructor() {
    super('too many reads are waiting for the store; try again in a second');
  }
}

/** Limits concurrent HTTP reads. Create one per node. */
export interface ReadDoor {
  /**
   * Runs the read when a slot is free, in order of arrival. Rejects with TooManyReads if the queue is full, or with the
   * read's own error. A read cannot be cancelled: that of a client that has left keeps its place and is run.
   */
  pass<T>(read: () => Promise<T>): Promise<T>;
  /** Reads in the queue. */
  readonly waiting: number;
}

/**
 * The store answers reads in order of arrival. Without a limit, loading a room would wait behind thousands of history
 * requests, and so would clients joining it. The engine's own reads do not pass through here.
 */
export function createReadDoor({ maxRunning = MAX_RUNNING, maxQueued = MAX_QUEUED } = {}): ReadDoor {
  const queue: (() => void)[] = [];
  const pace = createAnswerPace();
  let running = 0;

  function leave(): void {
    const next = queue.shift();
    // The slot passes to the next read, so the count stays.
    if (next) next();
    else running--;
  }

  return {
    async pass(read) {
      if (running < maxRunning) running++;
      else if (queue.length >= maxQueued) throw new TooManyReads();
      else await new Promise<void>((start) => queue.push(start));
      try {
        const found = await read();
        // The slot is kept meanwhile, so that the store does not hand over more than can be answered.
        await pace.wait(rowsOf(found));
        return found;
      } finally {
        leave();
      }
    },
    get waiting() {
      return queue.length;
    },
  };
}

/** How many rows of the store were read: a list, a page with its events, or one thing. */
function rowsOf(found: unknown): number {
  if (Array.isArray(found)) return found.length;
  if (typeof found === 'object' && found !== null && 'events' in found) return rowsOf(found.events);
  return 1;
}
