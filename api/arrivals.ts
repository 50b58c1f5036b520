import { Limiter } from '../engine/limits/limiter.js';
import { ratePerSecond } from '../engine/limits/rate.js';
import type { Refusal } from '../engine/errors.js';
import type { Clock } from '../engine/ports.js';
import type { ArrivalLimits } from './arrival-settings.js';
import { networkOf } from './client-address.js';
import { Tally } from './tally.js';

/** Why somebody is turned away, and when to come back. */
export interface TurnedAway extends Refusal {
  /** The name of the setting that is the limit, in lower case. */
  readonly limit: Lowercase<keyof ArrivalLimits>;
  readonly retry_after_ms: number;
}

/** Who pauses may open as many WebSockets at once as in this time, s: after an outage everybody behind an address comes back. */
const JOINS_BURST_S = 20;
/** Somebody has to leave first, which takes longer than the second that an overload lasts. */
const RETRY_WHEN_LEFT_MS = 5_000;

/**
 * Counts the WebSockets of a node, and says who is one too many. Whoever got a place with `enter` or `seat` gives it back
 * with `left` and `unseat`, once. Addresses are those of clients (`client-address.ts`).
 */
export class Arrivals {
  private all = 0;
  private readonly addresses: Tally;
  private readonly users: Tally;
  private readonly joins: Limiter;

  constructor(
    private readonly limits: ArrivalLimits,
    private readonly clock: Pick<Clock, 'elapsed'>,
  ) {
    this.addresses = new Tally(limits.CONNECTIONS_PER_ADDRESS);
    this.users = new Tally(limits.CONNECTIONS_PER_USER);
    this.joins = new Limiter(ratePerSecond(limits.JOINS_PER_ADDRESS, JOINS_BURST_S));
  }

  /** Counts an attempt to open a WebSocket, whatever becomes of it. Null: it may go on. */
  knock(address: string): TurnedAway | null {
    if (this.limits.JOINS_PER_ADDRESS === 0) return null;
    const waitMs = this.joins.take(networkOf(address), this.clock.elapsed());
    if (waitMs === 0) return null;
    return {
      code: 'rate_limited',
      limit: 'joins_per_address',
      message: `your address opens connections too fast: at most ${this.limits.JOINS_PER_ADDRESS} a second on average`,
      retry_after_ms: Math.ceil(waitMs),
    };
  }

  /** Takes a place for a connection from this address. Null: it has one. */
  enter(address: string): TurnedAway | null {
    const { MAX_CONNECTIONS, CONNECTIONS_PER_ADDRESS } = this.limits;
    if (MAX_CONNECTIONS > 0 && this.all >= MAX_CONNECTIONS)
      return {
        code: 'unavailable',
        limit: 'max_connections',
        message: 'this node has as many connections as it may; come back later, or ask another',
        retry_after_ms: RETRY_WHEN_LEFT_MS,
      };
    if (this.addresses.isLimited && !this.addresses.add(networkOf(address)))
      return {
        code: 'rate_limited',
        limit: 'connections_per_address',
        message: `your address has ${CONNECTIONS_PER_ADDRESS} connections here, and may have no more: close one`,
        retry_after_ms: RETRY_WHEN_LEFT_MS,
      };
    this.all++;
    return null;
  }

  left(address: string): void {
    this.all--;
    if (this.addresses.isLimited) this.addresses.remove(networkOf(address));
  }

  /** Takes a place for a connection of this user. Null: it has one. */
  seat(user: string): TurnedAway | null {
    if (this.users.add(user)) return null;
    return {
      code: 'rate_limited',
      limit: 'connections_per_user',
      message: `you have ${this.limits.CONNECTIONS_PER_USER} connections here, and may have no more: close one`,
      retry_after_ms: RETRY_WHEN_LEFT_MS,
    };
  }

  unseat(user: string): void {
    this.users.remove(user);
  }
}
