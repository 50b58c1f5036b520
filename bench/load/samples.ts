const FIRST = 1 << 16;

/** Numbers that are kept one by one, eight bytes each: quantiles of them are exact. */
export class Samples {
  private values = new Float64Array(FIRST);
  private sorted = true;
  count = 0;

  add(value: number): void {
    if (this.count === this.values.length) {
      const larger = new Float64Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = value;
    this.sorted = false;
  }

  /** The smallest value that at least this share of them (0…1) does not exceed; null if there is none. */
  quantile(share: number): number | null {
    if (!this.sorted) this.values.subarray(0, this.count).sort();
    this.sorted = true;
    return this.values.subarray(0, this.count)[Math.max(0, Math.ceil(share * this.count) - 1)] ?? null;
  }
}
