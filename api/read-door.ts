/** Reads that are with the store at the same time: enough to keep its readers busy, and few for a room to wait behind. */
const AT_ONCE = 16;

/** At most this many reads wait, some hundred bytes each. With more of them, the last one would wait for seconds. */
const WAITING = 1_024;

/** The refusal of a read when too many are waiting. Its message is for the client. */
export class TooManyReads extends Error {
  constructor() {
    super('too many reads are waiting for the store; try again in a second');
  }
}

/** The door for reads over HTTP, one for the whole node. */
export interface ReadDoor {
  /** Makes a read when its turn has come. Rejects with TooManyReads, or as the read does. */
  pass<T>(read: () => Promise<T>): Promise<T>;
  /** Reads that wait for their turn. */
  readonly waiting: number;
}

/**
 * Stores answer reads in the order in which they come. Without a door, the read that wakes a room would wait behind the
 * pages of thousands of clients, and so would those who join the room. So only a few reads over HTTP are with the store at
 * a time. The engine's own reads do not pass through here.
 */
export function createReadDoor({ atOnce = AT_ONCE, waiting: most = WAITING } = {}): ReadDoor {
  const queue: (() => void)[] = [];
  let inside = 0;

  function leave(): void {
    const next = queue.shift();
    if (next === undefined) inside--;
    else next();
  }

  return {
    async pass(read) {
      if (inside < atOnce) inside++;
      else if (queue.length >= most) throw new TooManyReads();
      // A read that ends gives its place to the next one.
      else await new Promise<void>((turn) => queue.push(turn));
      try {
        return await read();
      } finally {
        leave();
      }
    },
    get waiting() {
      return queue.length;
    },
  };
}
