export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Monotonic, ms. */
  elapsed(): number;
  /** Calls once after `ms`; the result cancels it. Does not keep the process alive. */
  after(ms: number, call: () => void): () => void;
}
