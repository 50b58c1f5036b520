import { GatheredQueue } from './gathered-queue.js';
import type { Runnable, Scheduler } from './scheduler.js';

/**
 * Gathered and bounded mailboxes: the one place where bounds, gathering and depth live.
 *
 * nact hands an actor one message per turn of the event loop and has no limit. So an actor of ours keeps its
 * own queue. The first message asks the scheduler for a turn; when the turn comes, the actor takes all
 * messages that have gathered, up to `batch` messages and `budgetMs`. The rest waits for the next turn, so
 * that a busy actor cannot starve others.
 */
export interface Behaviour<M> {
  /** Deals with one message. Throwing is a crash: `crashed` is told, and the messages behind it are kept. */
  receive(message: M): void;
  /** Called once after the messages of a turn, also after a crash among them. */
  turnEnded?(): void;
  /** `cause`: what was thrown; `message`: the message that was dealt with, undefined if `turnEnded` threw. */
  crashed(cause: unknown, message: M | undefined): void;
}

/** Bounds, shared by all actors of a kind. */
export interface MailboxLimits {
  /** How many messages may wait. `tell` answers false beyond it. */
  readonly limit: number;
  /** At most this many messages a turn. */
  readonly batch?: number;
  /** At most about this many ms a turn. */
  readonly budgetMs?: number;
}

const BATCH = 1024;
const BUDGET_MS = 8;
/** Reading the clock costs as much as a small message, so it is read only after every 32 messages. */
const CLOCK_EVERY = 32;

/**
 * An actor's mailbox. Its turns come from a scheduler, which it shares with the other actors of its kind. It
 * extends the queue instead of holding one: there may be a hundred thousand mailboxes, and one more object
 * each costs 40 bytes.
 */
export class Mailbox<M> extends GatheredQueue<M> implements Runnable {
  private urgent: GatheredQueue<M> | null = null;
  private awake = false;
  /** What waits: nothing, all that is not urgent, or everything. */
  private waits: 'nothing' | 'not urgent' | 'everything' = 'nothing';
  private stopped = false;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly limits: MailboxLimits,
    private readonly behaviour: Behaviour<M>,
  ) {
    super();
  }

  /** Messages waiting. */
  get depth(): number {
    return this.length + (this.urgent?.length ?? 0);
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** Queues a message. False if the mailbox is full or stopped: the message was not taken. */
  tell(message: M): boolean {
    if (this.stopped || this.length >= this.limits.limit) return false;
    this.push(message);
    this.wake();
    return true;
  }

  /**
   * Queues a message that goes before all others, is never refused, and is dealt with also while the mailbox
   * is paused. For answers that an actor has asked for, and messages that must not be lost; the caller bounds
   * their number.
   */
  tellFirst(message: M): void {
    if (this.stopped) return;
    this.urgent ??= new GatheredQueue();
    this.urgent.push(message);
    this.wake();
  }

  /** Puts messages that were taken back to the front, in their order, so that they are dealt with again. */
  putBack(messages: readonly M[]): void {
    if (this.stopped || messages.length === 0) return;
    this.returnItems(messages);
    this.wake();
  }

  /** Deals with urgent messages only, until `resume`; other messages wait, within the limit. */
  pause(): void {
    if (this.waits === 'nothing') this.waits = 'not urgent';
  }

  /** Deals with nothing at all, until `resume`. */
  freeze(): void {
    this.waits = 'everything';
  }

  /** Goes on, after `pause` and after `freeze`. */
  resume(): void {
    this.waits = 'nothing';
    if (this.depth > 0) this.wake();
  }

  /** Hands back the messages that wait, except for urgent ones, and forgets them. */
  takeAll(): M[] {
    return this.takeItems();
  }

  /** Ends the actor and hands back the messages that it has not dealt with. */
  stop(): M[] {
    if (this.stopped) return [];
    this.stopped = true;
    return [...(this.urgent?.takeItems() ?? []), ...this.takeAll()];
  }

  /** Whether no message may be dealt with now. */
  private get rests(): boolean {
    if (this.stopped || this.waits === 'everything') return true;
    return this.waits === 'not urgent' && !this.urgent?.length;
  }

  private mayDeal(urgent: boolean): boolean {
    if (this.stopped) return false;
    return this.waits === 'nothing' || (urgent && this.waits === 'not urgent');
  }

  private wake(): void {
    if (this.awake || this.rests) return;
    this.awake = true;
    this.scheduler.ask(this);
  }

  /** One turn, given by the scheduler. */
  turn(): void {
    this.awake = false;
    if (this.rests) return;
    if (this.urgent?.length) this.deal(this.urgent, true);
    if (this.urgent?.length === 0) this.urgent = null;
    if (this.waits === 'nothing') this.deal(this, false);
    if (!this.stopped && this.behaviour.turnEnded) {
      try {
        this.behaviour.turnEnded();
      } catch (cause) {
        this.behaviour.crashed(cause, undefined);
      }
    }
    if (this.depth > 0) this.wake();
  }

  private deal(queue: GatheredQueue<M>, urgent: boolean): void {
    const { batch = BATCH, budgetMs = BUDGET_MS } = this.limits;
    let left = Math.min(batch, queue.length);
    const deadline = left < CLOCK_EVERY ? Infinity : performance.now() + budgetMs;
    let current: M | undefined;
    try {
      while (left > 0 && queue.length > 0 && this.mayDeal(urgent)) {
        current = queue.take();
        this.behaviour.receive(current);
        if (--left % CLOCK_EVERY === 0 && performance.now() > deadline) break;
      }
    } catch (cause) {
      this.behaviour.crashed(cause, current);
    }
    queue.tidy();
  }
}
