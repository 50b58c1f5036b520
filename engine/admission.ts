import type { LoopDelay } from './limits/loop-delay.js';
import type { Clock } from './ports.js';
import type { Refusal } from './errors.js';

/** What bounds the posts that are under way on a node. */
export interface AdmissionLimits {
  /** At least this many posts find a place, however slow the store is. */
  readonly least: number;
  /** At most this many do, however fast the store is. */
  readonly most: number;
  /** Characters of all posts together: a text may be long. */
  readonly characters: number;
  /** Between the two, as many posts as are answered in this many ms. */
  readonly waitMs: number;
}

/**
 * Enough places for commits of thousands of posts. More places would slow the node down, because a post that
 * waits survives one garbage collection after another: 4,096 places gave 105,000 posts/s, 12,288 gave 80,000
 * (bench/NOTES.md).
 */
const ADMISSION: AdmissionLimits = {
  least: 4_096,
  most: 8_192,
  characters: 16 * 1024 * 1024,
  waitMs: 50,
};

/** The answer to a post that finds no place. */
export const OVERLOADED: Refusal = {
  code: 'unavailable',
  message: 'too much to do here; send it again in a second',
};

/** The answer to a post whose connection holds more places than its share. */
export const TOO_MUCH_HELD: Refusal = {
  code: 'rate_limited',
  message: 'too many frames at once; wait for the acks of those you sent',
};

/** Of the free places, for one connection; … */
const SHARE = 0.25;
/** … and at least this many: a client that has been away sends what it has gathered. */
const SHARE_LEAST = 32;

/** Throughput is measured over at least this many ms, and only every LOOK_EVERY answers. */
const WINDOW_MS = 100;
const LOOK_EVERY = 256;

/**
 * The door for posts, one for the whole node: a post takes a place when it arrives and gives it back when it
 * is answered, wherever it waits in between. A post that finds no place is refused before anything is spent
 * on it. So the posts that wait are bounded in memory. They are bounded in time, too, because the number of
 * places follows the speed at which posts are answered (Little's law). Joins, leaves and other commands about
 * seats take no place: they must not be lost.
 */
export class Admission {
  private inside = 0;
  private characters = 0;
  private places: number;
  /** Posts answered since `since`. Time in which no post waits does not count. */
  private answered = 0;
  private since = 0;

  /** `delay`: of the event loop. While it is late, nothing is let in. */
  constructor(
    private readonly clock: Clock,
    private readonly limits: AdmissionLimits = ADMISSION,
    private readonly delay: Pick<LoopDelay, 'isLate'> = { isLate: false },
  ) {
    this.places = limits.most;
  }

  /** Posts that hold a place. */
  get depth(): number {
    return this.inside;
  }

  /** Whether a post would be refused now. */
  get isFull(): boolean {
    return this.inside >= this.places || this.characters >= this.limits.characters || this.delay.isLate;
  }

  /**
   * How many places one connection may hold now: the fewer are free, the fewer. So a few greedy ones never take all
   * (Choudhury and Hahne, Dynamic queue length thresholds, 1998): four of them leave half of the places free.
   */
  get share(): number {
    return Math.max(SHARE_LEAST, (this.places - this.inside) * SHARE);
  }

  /** Takes a place for a text of this many characters; false: there is none. */
  enter(characters: number): boolean {
    if (this.isFull) return false;
    if (this.inside++ === 0) this.begin();
    this.characters += characters;
    return true;
  }

  /** Gives back what `enter` took. */
  leave(characters: number): void {
    this.inside--;
    this.characters -= characters;
    if (++this.answered % LOOK_EVERY === 0) this.look();
  }

  private begin(): void {
    this.answered = 0;
    this.since = this.clock.elapsed();
  }

  private look(): void {
    const { least, most, waitMs } = this.limits;
    const ms = this.clock.elapsed() - this.since;
    if (ms < WINDOW_MS) return;
    this.places = Math.min(most, Math.max(least, Math.round((this.answered / ms) * waitMs)));
    this.begin();
  }
}
