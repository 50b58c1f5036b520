import { Limiter } from './limits/limiter.js';
import type { Clock } from './ports.js';

/** How often a member's `typing` is passed on, ms: a client shows it for some seconds anyway. */
export const TYPING_MS = 1_000;

/** Lets `typing` of a member pass once in `ms`, however often it comes. */
export class TypingLimit {
  private readonly members: Limiter;

  constructor(
    private readonly clock: Pick<Clock, 'elapsed'>,
    ms: number,
  ) {
    this.members = new Limiter({ intervalMs: ms, burst: 1 });
  }

  passes(roomId: string, user: string): boolean {
    // No room id has a space in it.
    return this.members.take(`${roomId} ${user}`, this.clock.elapsed()) === 0;
  }
}
