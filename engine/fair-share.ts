/** What a room has decided in one turn. */
interface Turn {
  /** The room. */
  readonly stager: object;
  readonly append: { readonly events: readonly unknown[] } | null;
}

/**
 * A room with so many events in a commit gets no further turn in it while other rooms want something, too. A commit's time
 * grows with its events, and what comes meanwhile waits for its end: on SQLite a commit took 0.7 ms with few events, and 2.8 ms
 * with some 200 (mean values, on a busy machine). With 64 instead of 16, under a flood of 512 posts in flight in one room, the
 * others' p99 was 3.1 times what it is without, instead of 1.4; the flood had 49,000 posts/s instead of 24,000 (bench/NOTES.md).
 */
const SHARE = 16;
/** So many commits after another room's last one a room still gets its share only: most posts come while a commit is under way. */
const REMEMBERED = 16;

/**
 * Keeps one busy room from making the commits of all others long. A room that is alone is not held back, so that it shares as
 * few commits as possible.
 */
export class FairShare {
  /** Commits since one in which there were several rooms. */
  private alone = REMEMBERED;
  private last: object | null = null;

  /**
   * Which of these may be committed now, and which are to wait for the next commit; both in their order, and nothing of a room
   * passes anything of the same room. At least one may be committed, if there is one.
   */
  split<T extends Turn>(entries: readonly T[]): { readonly now: readonly T[]; readonly later: readonly T[] } {
    if (this.isOneRoom(entries)) this.alone++;
    else this.alone = 0;
    if (this.alone >= REMEMBERED) return { now: entries, later: NONE };
    const taken = new Map<object, number>();
    const now: T[] = [];
    const later: T[] = [];
    for (const entry of entries) {
      const before = taken.get(entry.stager) ?? 0;
      taken.set(entry.stager, before + Math.max(1, entry.append?.events.length ?? 0));
      if (before < SHARE) now.push(entry);
      else later.push(entry);
    }
    return { now, later };
  }

  /** Whether these and those before them are all of one room. */
  private isOneRoom(entries: readonly Turn[]): boolean {
    const before = this.last;
    this.last = entries[entries.length - 1]?.stager ?? before;
    return entries.every(({ stager }) => stager === this.last) && (before === null || before === this.last);
  }
}

const NONE: readonly never[] = [];
