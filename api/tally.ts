/** Counts things by key, at most so many of each. Without a limit, 0, it counts nothing. */
export class Tally {
  private readonly counts = new Map<string, number>();

  constructor(private readonly most: number) {}

  get isLimited(): boolean {
    return this.most > 0;
  }

  /** Keys of which there is at least one. */
  get size(): number {
    return this.counts.size;
  }

  /** Adds one. False: there are as many as there may be, and it is not added. */
  add(key: string): boolean {
    if (this.most === 0) return true;
    const count = this.counts.get(key) ?? 0;
    if (count >= this.most) return false;
    this.counts.set(key, count + 1);
    return true;
  }

  /** Takes away one that was added. */
  remove(key: string): void {
    const count = this.counts.get(key);
    if (count === undefined) return;
    if (count > 1) this.counts.set(key, count - 1);
    else this.counts.delete(key);
  }
}
