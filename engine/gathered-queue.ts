/** The list of everybody who has nothing to do: most actors, most of the time. Nothing is ever put into it. */
const EMPTY: never[] = [];
/** A queue is made smaller when this many items before its first one are taken. */
const TIDY_AFTER = 1024;

/** A first-in, first-out queue that costs next to nothing while it is empty (bench/NOTES.md, idle bytes). */
export class GatheredQueue<T> {
  private items: T[] = EMPTY;
  private first = 0;

  get length(): number {
    return this.items.length - this.first;
  }

  push(item: T): void {
    // A literal has room for one: `push` would make room for seventeen, and most queues never hold two.
    if (this.items.length === 0) this.items = [item];
    else this.items.push(item);
  }

  /** Takes the first item; only where there is one. */
  take(): T {
    return this.items[this.first++] as T;
  }

  /** Puts items back to the front. */
  protected returnItems(items: readonly T[]): void {
    this.items = items.concat(this.items.slice(this.first));
    this.first = 0;
  }

  /** The next items, at most `most`, which stay where they are. */
  peek(most: number): T[] {
    return this.items.slice(this.first, this.first + most);
  }

  /** Hands back all items, and forgets them. */
  takeItems(): T[] {
    const rest = this.items.slice(this.first);
    this.items = EMPTY;
    this.first = 0;
    return rest;
  }

  /** Gives memory back that taken items occupy. To be called after each turn. */
  tidy(): void {
    if (this.first === this.items.length) {
      this.items = EMPTY;
      this.first = 0;
    } else if (this.first > TIDY_AFTER) {
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
  }
}
