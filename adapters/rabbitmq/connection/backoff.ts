/**
 * Pause between attempts, ms. `connecting`: all nodes should be back at about the same time, see PATIENCE_BEATS, and the
 * sooner after a cut, the fewer seats are in doubt. `most`: for a broker that ends connections as soon as they stand.
 */
const PAUSE = { first: 100, connecting: 500, most: 5_000 };
/** Doubled at most so often: then `most` is reached. */
const SHORT_LIVES = 6;

/** How long to wait before the next attempt to connect. */
export class Backoff {
  private shortLives = 0;

  /** A connection has ended, `ms` after it stood. One that breaks at once must not be tried ten times a second for ever. */
  lasted(ms: number): void {
    this.shortLives = ms < PAUSE.most ? Math.min(this.shortLives + 1, SHORT_LIVES) : 0;
  }

  /** ms before the attempt with this number, 1 for the first; spread, so that nodes do not come all at once. */
  delay(attempt: number): number {
    const most = this.shortLives > 0 ? PAUSE.most : PAUSE.connecting;
    const base = Math.min(most, PAUSE.first * 2 ** (attempt - 1 + this.shortLives));
    return base * (0.8 + 0.4 * Math.random());
  }
}
