import type { Clock } from './ports.js';
import type { Refusal } from './errors.js';

/** What bounds the posts that are under way on a node. */
export interface AdmissionLimits {
  /** So many posts always find room, however slow the store is. */
  readonly least: number;
  /** More than so many never do, however fast it is. */
  readonly most: number;
  /** Characters of all of them together: a text may be long. */
  readonly characters: number;
  /** Between the two, as many as are dealt with in so long, ms. */
  readonly waitMs: number;
}

/**
 * Few, for what waits survives collection after collection and makes everything dearer: with 16,384 a fifth fewer posts
 * were answered than with 4,096 (bench/NOTES.md). Enough for commits of thousands.
 */
const ADMISSION: AdmissionLimits = {
  least: 4_096,
  most: 8_192,
  characters: 16 * 1024 * 1024,
  waitMs: 50,
};

/** What a post is told that finds no room. */
export const OVERLOADED: Refusal = {
  code: 'unavailable',
  message: 'too much to do here; send it again in a second',
};

/** Over so long a time is counted how many are dealt with, ms; looked at once in so many. */
const WINDOW_MS = 100;
const LOOK_EVERY = 256;

/**
 * The door for posts, one for the whole node: each takes a place when it arrives and gives it back when it is answered,
 * wherever it waits in between. Whoever finds no place is refused before anything is spent on it. So what waits is
 * bounded in memory and, by Little's law, in time: the number of places follows the speed at which posts are answered.
 * Joins, leaves and what else concerns seats take no place: they must not be lost.
 */
export class Admission {
  private inside = 0;
  private characters = 0;
  private places: number;
  /** Answered since `since`; time in which nobody waits does not count. */
  private answered = 0;
  private since = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limits: AdmissionLimits = ADMISSION,
  ) {
    this.places = limits.most;
  }

  /** Posts that hold a place. */
  get depth(): number {
    return this.inside;
  }

  /** Whether a post would be refused now. */
  get isFull(): boolean {
    return this.inside >= this.places || this.characters >= this.limits.characters;
  }

  /** Takes a place for something of so many characters; false: there is none. */
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
