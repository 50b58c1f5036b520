/**
 * Pauses between attempts to connect, ms. The first one is doubled up to `connecting`, which is short: all nodes should be
 * back at about the same time (see PATIENCE_BEATS), and soon, so that few seats are in doubt. It is doubled up to `most` if
 * the broker closes connections soon after they were opened.
 */
const PAUSE = { first: 100, connecting: 500, most: 5_000 };
/** Short connections that are counted: by then `most` is reached. */
const SHORT_LIVES = 6;

/** How long to wait before the next attempt to connect. */
export class Backoff {
  private shortLives = 0;

  /** A connection has ended after `ms`. If they keep ending at once, there must not be ten attempts a second for ever. */
  lasted(ms: number): void {
    this.shortLives = ms < PAUSE.most ? Math.min(this.shortLives + 1, SHORT_LIVES) : 0;
  }

  /** The pause before the attempt with this number, from 1, in ms; randomized, so that nodes do not connect all at once. */
  delay(attempt: number): number {
    const most = this.shortLives > 0 ? PAUSE.most : PAUSE.connecting;
    const base = Math.min(most, PAUSE.first * 2 ** (attempt - 1 + this.shortLives));
    return base * (0.8 + 0.4 * Math.random());
  }
}
