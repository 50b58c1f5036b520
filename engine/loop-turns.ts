/** A scheduler whose round may follow another one's in the same turn of the event loop. */
export interface Round {
  round(): void;
  /** Asks for the round in a later turn instead. */
  later(): void;
}

/** What is done between two rounds in less than this, ms, is not worth a look at how much of it was idle. */
const LONG_MS = 1;
/** Rounds follow each other for at most this long, ms, so that the event loop can do I/O. */
const MOST_MS = 8;

/**
 * Lets rounds of several schedulers share a turn of the event loop when its turns are long.
 *
 * A post passes five actors on its way, each in a turn of its own. A turn in which little happens takes some microseconds,
 * and what gathers between two of them makes batches. But in one turn uWebSockets.js reads up to 512 KB from every socket
 * that has sent that much, so somebody who floods makes a turn take many milliseconds, and each post of everybody else would
 * wait for five of them. So after a long turn the rounds may follow each other at once, for as long as the turn has taken:
 * what was read is dealt with before more is read.
 */
export class LoopTurns {
  private endedAt = performance.now();
  /** Until then rounds may follow each other. */
  private until = -Infinity;
  private isRunning = false;
  private followers: Round[] = [];

  constructor(private readonly work: LoopWork = loopWork()) {}

  /** Runs a round, and those that are to follow it. Throws what a round throws; the others are not lost. */
  run(first: Round): void {
    const now = performance.now();
    if (now - this.endedAt > LONG_MS) this.until = now + Math.min(MOST_MS, this.work(now - this.endedAt));
    this.isRunning = true;
    try {
      first.round();
      for (let next = this.followers.shift(); next; next = this.followers.shift()) next.round();
    } finally {
      this.isRunning = false;
      const { followers } = this;
      if (followers.length > 0) {
        this.followers = [];
        for (const one of followers) one.later();
      }
      this.endedAt = performance.now();
    }
  }

  /** Whether the round will be run in this turn. To be called once until it is. */
  follow(round: Round): boolean {
    if (!this.isRunning || this.until === -Infinity) return false;
    if (performance.now() > this.until) {
      this.until = -Infinity;
      return false;
    }
    this.followers.push(round);
    return true;
  }
}

/** For how many of the last `ms` the event loop has worked, as far as is known. */
export type LoopWork = (ms: number) => number;

/** For tests: no turn is ever long. */
export const NOT_LONG: LoopWork = () => -1;

/** By Node's own count of idle time, which is of all the time since the last question: so it is too little rather than too much. */
function loopWork(): LoopWork {
  let idleBefore = 0;
  return (ms) => {
    const { idle } = performance.eventLoopUtilization();
    const idleNow = idle - idleBefore;
    idleBefore = idle;
    return Math.max(0, ms - idleNow);
  };
}
