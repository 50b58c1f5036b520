import type { Answer, Attempt } from '../../checker/history.js';

/** What somebody wants to say. Sent again it is the same post with the same id. */
export interface Post {
  readonly room_id: string;
  readonly id: string;
  readonly user: string | null;
  readonly text: string;
}

/** Everything that was sent, in the order of sending, and how it was answered. */
export class Book {
  readonly attempts: Attempt[] = [];
  /** Acks that nobody waited for. */
  readonly strays: string[] = [];
  private readonly waiting = new Set<Attempt>();
  private readonly ids = new Set<string>();
  private readonly repeats = new Set<Attempt>();
  private answered = 0;

  /** Sent and neither answered nor given up. */
  get inFlight(): number {
    return this.waiting.size;
  }

  /** Posts that were answered with their seq. */
  get posted(): number {
    return this.answered;
  }

  /** To be called right before it is sent. */
  sent(connection: string, { room_id, id, user, text }: Post): Attempt {
    const sent_at = performance.now();
    const attempt: Attempt = { connection, room_id, id, user, text, sent_at, answer: { type: 'none' } };
    this.attempts.push(attempt);
    if (this.ids.has(id)) this.repeats.add(attempt);
    this.ids.add(id);
    this.waiting.add(attempt);
    return attempt;
  }

  /** Whether its id had been sent before: then it may be answered with what was decided on that. */
  isRepeat(attempt: Attempt): boolean {
    return this.repeats.has(attempt);
  }

  /** `none`: it will not be answered any more. */
  settle(attempt: Attempt, answer: Answer): void {
    this.waiting.delete(attempt);
    attempt.answer = answer;
    if (answer.type === 'posted') this.answered++;
  }
}
