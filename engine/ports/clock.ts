/** All time that the engine knows, so that tests can let it pass. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Monotonic, ms. */
  elapsed(): number;
  /**
   * Calls `call` once after `ms`. Returns a function that cancels it. A waiting call does not keep the
   * process alive.
   */
  after(ms: number, call: () => void): () => void;
}
