import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import type { Clock } from '../../../engine/ports.js';

/**
 * A command of this node. `waiting`: in its lane, not sent; `sent`: not confirmed by the broker; `safe`: confirmed;
 * `over`: answered.
 */
export interface Request {
  readonly command: Command;
  readonly partition: number;
  readonly onAnswer: (answer: Answer) => void;
  /** When it is answered at the latest, ms of the monotonic clock. */
  readonly deadline: number;
  state: 'waiting' | 'sent' | 'safe' | 'over';
  batch: Batch | null;
  /** It was sent over a connection that ended before the broker confirmed it, so it may have arrived. */
  isRetry: boolean;
}

/** The commands that were sent in one AMQP message. */
export interface Batch {
  readonly id: string;
  /** Emptied when all of them are over: the broker may confirm the message hours later, or never. */
  requests: readonly Request[];
  /** How many of them are not over. */
  open: number;
}

/** The requests that have no answer yet. */
export interface Pending {
  add(request: Request): void;
  /** Harmless if it is not there. */
  remove(request: Request): void;
  /** All of them, oldest first. */
  all(): readonly Request[];
  readonly size: number;
  /** No deadline is watched any more. */
  stop(): void;
}

/** The shortest time between two looks at the deadlines, ms: under load there are many in each millisecond. */
const LOOK_MS = 10;

/** Calls `expired` for each request whose deadline is over. One timer serves all of them, since all wait equally long. */
export function createPending(clock: Clock, timeoutMs: number, expired: (request: Request) => void): Pending {
  /** In the order of their deadlines. */
  const requests = new Set<Request>();
  let cancel: (() => void) | null = null;

  function look(): void {
    cancel = null;
    const now = clock.elapsed();
    for (const request of requests) {
      if (request.deadline > now) {
        cancel = clock.after(Math.max(LOOK_MS, request.deadline - now), look);
        break;
      }
      expired(request);
    }
  }

  return {
    add(request) {
      requests.add(request);
      cancel ??= clock.after(timeoutMs, look);
    },
    remove: (request) => void requests.delete(request),
    all: () => [...requests],
    get size() {
      return requests.size;
    },
    stop: () => cancel?.(),
  };
}
