/** Shared by all empty queues, which most are most of the time. Nothing is ever put into it. */
const EMPTY: never[] = [];
/** A queue is made smaller when more than this many items at its front have been taken. */
const TIDY_AFTER = 1024;

/** A first-in, first-out queue that costs next to nothing while it is empty (bench/NOTES.md, idle bytes). */
export class GatheredQueue<T> {
  private items: T[] = EMPTY;
  private first = 0;

  get length(): number {
    return this.items.length - this.first;
  }

  push(item: T): void {
    // A literal allocates one place, `push` onto an empty array seventeen, and most queues never hold two
    // items.
    if (this.items.length === 0) this.items = [item];
    else this.items.push(item);
  }

  /** Takes the first item. To be called only if there is one. */
  take(): T {
    return this.items[this.first++] as T;
  }

  /** Puts items back to the front. */
  protected returnItems(items: readonly T[]): void {
    this.items = items.concat(this.items.slice(this.first));
    this.first = 0;
  }

  /** The next items, at most `most`; they stay in the queue. */
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

  /** Frees the memory of taken items. To be called after each turn. */
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
