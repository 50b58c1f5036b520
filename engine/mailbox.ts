import type { Dispatcher, Runnable } from './dispatcher.js';

/**
 * Gathered and bounded mailboxes: the one place where bounds, gathering and depth live.
 *
 * nact hands an actor one message per turn of the event loop and has no limit. So an actor of ours keeps its own
 * queue; telling it something asks its dispatcher for a turn once, and when that comes it takes what has gathered, up
 * to `batch` items and `budgetMs`; the rest waits for the next turn, so that a busy actor cannot starve others.
 */
export interface Behaviour<M> {
  /** Deals with one message. Throwing is a crash: `crashed` is told, and the messages behind it are kept. */
  receive(message: M): void;
  /** Called once after the messages of a turn, also after a crash among them. */
  turnEnded?(): void;
  /** What was thrown, and the message that did it (undefined when `turnEnded` threw). Decides what comes next. */
  crashed(cause: unknown, message: M | undefined): 'resume' | 'pause' | 'stop';
}

/** Shared by all actors of a kind. */
export interface MailboxLimits {
  /** How many messages may wait. `tell` answers false beyond it. */
  readonly limit: number;
  /** At most so many messages a turn. */
  readonly batch?: number;
  /** At most about so many ms a turn. */
  readonly budgetMs?: number;
}

const BATCH = 1024;
const BUDGET_MS = 8;
/** Reading the clock costs as much as a small message, so it is read once in so many. */
const CLOCK_EVERY = 32;
/** The queue of everybody who has nothing to do: most actors, most of the time. Nothing is ever put into it. */
const EMPTY: never[] = [];

/** An actor's mailbox. Its turns come from `dispatcher`, which it shares with the other actors of its kind. */
export class Mailbox<M> implements Runnable {
  private queue: M[] = EMPTY;
  private first = 0;
  private awake = false;
  private paused = false;
  private stopped = false;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly limits: MailboxLimits,
    private readonly behaviour: Behaviour<M>,
  ) {}

  /** Messages waiting. */
  get depth(): number {
    return this.queue.length - this.first;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** Queues a message. False if the mailbox is full or stopped: the message was not taken. */
  tell(message: M): boolean {
    if (this.stopped || this.depth >= this.limits.limit) return false;
    // A literal has room for one: `push` would make room for seventeen, and most queues never hold two.
    if (this.queue.length === 0) this.queue = [message];
    else this.queue.push(message);
    this.wake();
    return true;
  }

  /** Puts messages back to the front, in their order: they had been taken and have to be dealt with again. */
  putBack(messages: readonly M[]): void {
    if (this.stopped || messages.length === 0) return;
    this.queue = messages.concat(this.queue.slice(this.first));
    this.first = 0;
    this.wake();
  }

  /** Takes no turn until `resume`; what is told meanwhile waits, within the limit. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    if (this.depth > 0) this.wake();
  }

  /** Hands back what waits, and forgets it. */
  takeAll(): M[] {
    const rest = this.queue.slice(this.first);
    this.queue = EMPTY;
    this.first = 0;
    return rest;
  }

  /** Ends the actor and hands back what nobody has dealt with. */
  stop(): M[] {
    if (this.stopped) return [];
    this.stopped = true;
    return this.takeAll();
  }

  private wake(): void {
    if (this.awake || this.paused || this.stopped) return;
    this.awake = true;
    this.dispatcher.ask(this);
  }

  /** For the dispatcher. */
  turn(): void {
    this.awake = false;
    if (this.paused || this.stopped) return;
    this.takeGathered();
    if (!this.stopped && this.behaviour.turnEnded) {
      try {
        this.behaviour.turnEnded();
      } catch (cause) {
        this.crash(cause, undefined);
      }
    }
    if (this.depth > 0) this.wake();
  }

  private takeGathered(): void {
    const { batch = BATCH, budgetMs = BUDGET_MS } = this.limits;
    const taken = this.queue;
    const until = this.first + Math.min(batch, this.depth);
    const deadline = this.depth < CLOCK_EVERY ? Infinity : performance.now() + budgetMs;
    let current: M | undefined;
    try {
      // `putBack`, `takeAll` and `stop` replace the queue: then this turn is over.
      while (this.queue === taken && this.first < until && !this.paused) {
        const message = taken[this.first++] as M;
        current = message;
        this.behaviour.receive(message);
        if (this.first % CLOCK_EVERY === 0 && performance.now() > deadline) break;
      }
    } catch (cause) {
      this.crash(cause, current);
    }
    if (this.first === this.queue.length) {
      this.queue = EMPTY;
      this.first = 0;
    } else if (this.first > BATCH) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
  }

  private crash(cause: unknown, message: M | undefined): void {
    const decision = this.behaviour.crashed(cause, message);
    if (decision === 'pause') this.pause();
    if (decision === 'stop') this.stop();
  }
}
