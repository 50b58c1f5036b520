import type { Refusal } from '../errors.js';
import type { Clock } from '../ports.js';
import { Limiter } from './limiter.js';
import { taken, UNLIMITED, waitMs, type FullAt, type Rate } from './rate.js';

/** How often clients may do what costs others. */
export interface ClientRates {
  /** Frames of one connection, posts among them. */
  readonly framesOfConnection: Rate;
  readonly postsOfConnection: Rate;
  /** Posts of one user through this node, whatever the connection. */
  readonly postsOfUser: Rate;
  /** Rooms that one user subscribes to through this node, whatever the connection. */
  readonly subscribesOfUser: Rate;
}

export const NO_CLIENT_RATES: ClientRates = {
  framesOfConnection: UNLIMITED,
  postsOfConnection: UNLIMITED,
  postsOfUser: UNLIMITED,
  subscribesOfUser: UNLIMITED,
};

/** Something comes too often. */
export interface TooOften extends Refusal {
  readonly code: 'rate_limited';
  /** Its name in the metrics. */
  readonly limit: string;
  readonly retry_after_ms: number;
}

/** `ms` is rounded up, so that who waits as long as they are told is let through. */
export function tooOften(limit: string, message: string, ms: number): TooOften {
  return { code: 'rate_limited', limit, message, retry_after_ms: Math.ceil(ms) };
}

/**
 * Who is refused so often because of these limits does not listen to what it is told. A client that retries after
 * `retry_after_ms` is never refused twice for one frame.
 */
const ABUSE: Rate = { intervalMs: 1_000, burst: 100 };

/** The limits of one connection: plain numbers, because there are very many connections. */
export class ConnectionLimits {
  private framesFullAt: FullAt = 0;
  private postsFullAt: FullAt = 0;
  private refusalsFullAt: FullAt = 0;

  constructor(private readonly rates: ClientRates) {}

  /** Takes a frame. Why it may not come now; null: it may. */
  frame(now: number): TooOften | null {
    const { framesOfConnection: rate } = this.rates;
    const ms = waitMs(rate, this.framesFullAt, now);
    if (ms > 0) return tooOften('frames_per_connection', 'too many frames; send them more slowly', ms);
    this.framesFullAt = taken(rate, this.framesFullAt, now);
    return null;
  }

  /** Takes a post. Why it may not come now; null: it may. */
  post(now: number): TooOften | null {
    const { postsOfConnection: rate } = this.rates;
    const ms = waitMs(rate, this.postsFullAt, now);
    if (ms > 0) return tooOften('posts_per_connection', 'too many posts; send them more slowly', ms);
    this.postsFullAt = taken(rate, this.postsFullAt, now);
    return null;
  }

  /** Counts a refusal for one of these limits. True: there were too many, and the connection should be closed. */
  isAbuse(now: number): boolean {
    if (waitMs(ABUSE, this.refusalsFullAt, now) > 0) return true;
    this.refusalsFullAt = taken(ABUSE, this.refusalsFullAt, now);
    return false;
  }
}

/** The limits of clients on one node. */
export interface ClientLimits {
  /**
   * For a new connection, which may be in so many rooms; null: nothing limits it. A client that comes back subscribes to all its
   * rooms at once, so these frames are not counted among those that may come at once.
   */
  ofConnection(rooms?: number): ConnectionLimits | null;
  /** Takes a subscription of a user. Why it may not come now; null: it may. */
  subscribeOf(user: string): TooOften | null;
  /** Takes a post of a user. Why it may not come now; null: it may. */
  postOf(user: string | null): TooOften | null;
  /** A connection of this user is closed, as it goes on although it is refused. How long the user pauses now, ms. */
  abused(user: string): number;
  /** Why the user may not open a connection now, after such an end; null: they may. */
  pauseOf(user: string): TooOften | null;
}

/** `abusePauseMs`: how long a user pauses after a connection of theirs was closed for abuse; 0: they need not. */
export function createClientLimits(
  rates: ClientRates,
  clock: Pick<Clock, 'elapsed'>,
  abusePauseMs: number,
): ClientLimits {
  const users = new Limiter(rates.postsOfUser);
  const subscribers = new Limiter(rates.subscribesOfUser);
  // A bucket of one: abuse empties it, and the user waits until it is full again.
  const abusers = new Limiter({ intervalMs: abusePauseMs, burst: 1 });
  const limitsConnections = Object.values<Rate>({ ...rates }).some(({ intervalMs }) => intervalMs > 0);
  const withRooms = (rooms: number): ClientRates => {
    const { framesOfConnection } = rates;
    return {
      ...rates,
      framesOfConnection: { ...framesOfConnection, burst: framesOfConnection.burst + rooms },
    };
  };
  let ratesOfMany: ClientRates | null = null;
  return {
    ofConnection(rooms) {
      if (!limitsConnections) return null;
      if (rooms === undefined) return new ConnectionLimits(rates);
      return new ConnectionLimits((ratesOfMany ??= withRooms(rooms)));
    },
    subscribeOf(user) {
      const ms = subscribers.take(user, clock.elapsed());
      return ms > 0
        ? tooOften('subscribes_per_user', `too many subscriptions of ${user}; send them more slowly`, ms)
        : null;
    },
    postOf(user) {
      // Before the clock is read: this is asked for each post.
      if (user === null || rates.postsOfUser.intervalMs === 0) return null;
      const ms = users.take(user, clock.elapsed());
      return ms > 0
        ? tooOften('posts_per_user', `too many posts of ${user}; send them more slowly`, ms)
        : null;
    },
    abused(user) {
      abusers.empty(user, clock.elapsed());
      return abusePauseMs;
    },
    pauseOf(user) {
      const ms = abusers.waitOf(user, clock.elapsed());
      return ms > 0
        ? tooOften(
            'abuse_pause_ms',
            `a connection of ${user} was closed for abuse; wait before you come back`,
            ms,
          )
        : null;
    },
  };
}
