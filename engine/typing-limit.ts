import type { Clock } from './ports.js';

/** How often a member's `typing` is passed on, ms: a client shows it for some seconds anyway. */
export const TYPING_MS = 1_000;

/**
 * Lets `typing` of a member pass once in a while, however often it comes. Knows only those who typed just now, so it
 * costs nothing in a room where nobody types.
 */
export class TypingLimit {
  /** When a member's last one passed; the oldest first, since it is written again each time. */
  private readonly passedAt = new Map<string, number>();

  constructor(
    private readonly clock: Pick<Clock, 'elapsed'>,
    private readonly ms: number,
  ) {}

  passes(roomId: string, user: string): boolean {
    const now = this.clock.elapsed();
    this.forget(now);
    // No room id has a space in it.
    const member = `${roomId} ${user}`;
    if (this.passedAt.has(member)) return false;
    this.passedAt.set(member, now);
    return true;
  }

  /** Those whose next one may pass. */
  private forget(now: number): void {
    for (const [member, at] of this.passedAt) {
      if (now - at < this.ms) return;
      this.passedAt.delete(member);
    }
  }
}
