import type { Policy } from '../messages/policy.js';
import { tooOften, type TooOften } from '../limits/client-limits.js';
import { Limiter } from '../limits/limiter.js';
import { taken, waitMs, type FullAt, type Rate } from '../limits/rate.js';

/**
 * How fast posts may follow each other in one room: those of each user by the room's policy (slow mode), those of all by a
 * limit of the node. Forgotten when the room moves to another node: then a user may post once too early.
 */
export class Pace {
  private roomFullAt: FullAt = 0;
  private users: Limiter | null = null;
  private intervalMs = 0;
  /** Until when somebody has to wait because of the policy. */
  private slowUntil = 0;

  constructor(private readonly rate: Rate) {}

  /** Until when it must not be forgotten, because somebody has to wait; monotonic, ms. */
  get neededUntil(): number {
    return this.slowUntil;
  }

  /** Why a post of this user may not come now; null: it may. */
  fault(user: string | null, policy: Policy, now: number): TooOften | null {
    const ms = waitMs(this.rate, this.roomFullAt, now);
    if (ms > 0) return tooOften('posts_per_room', 'too many posts in this room; send them more slowly', ms);
    const slowMs = user === null ? 0 : (this.limiter(policy)?.waitOf(user, now) ?? 0);
    if (slowMs === 0) return null;
    return tooOften(
      'post_interval_ms',
      `one post each ${this.intervalMs} ms is allowed in this room`,
      slowMs,
    );
  }

  /** Takes a post in. */
  posted(user: string | null, policy: Policy, now: number): void {
    this.roomFullAt = taken(this.rate, this.roomFullAt, now);
    const users = user === null ? null : this.limiter(policy);
    if (user === null || users === null) return;
    users.take(user, now);
    this.slowUntil = now + this.intervalMs;
  }

  /** Of the policy's interval. Begins anew when that has changed. */
  private limiter({ post_interval_ms: intervalMs = 0 }: Policy): Limiter | null {
    if (intervalMs !== this.intervalMs) {
      this.intervalMs = intervalMs;
      this.users = intervalMs === 0 ? null : new Limiter({ intervalMs, burst: 1 });
      this.slowUntil = 0;
    }
    return this.users;
  }
}
