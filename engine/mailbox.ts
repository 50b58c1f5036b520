import { dispatch, spawn, stop, type ActorSystemRef, type Ref, type SupervisionActorFunc } from 'nact';

/**
 * Gathered and bounded mailboxes: the one place where bounds, gathering, fairness and depth live.
 *
 * nact hands an actor one message per turn of the event loop and has no limit. So an actor of ours keeps its own
 * queue; telling it something wakes its nact actor once, and when its turn comes it takes what has gathered, up
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

/** The place in nact's tree under which an actor is spawned. */
export type Parent = ActorSystemRef;

const BATCH = 1024;
const BUDGET_MS = 8;
/** Reading the clock costs as much as a small message, so it is read once in so many. */
const CLOCK_EVERY = 32;
const WAKE = 1;

/**
 * An actor with a gathered mailbox, a child of `parent` in nact's tree. `name` is unique among the parent's
 * children and of nact's alphabet, `[a-z0-9-$_.+!*'(),]`: no colon.
 */
export class Mailbox<M> {
  private queue: M[] = [];
  private first = 0;
  private awake = false;
  private paused = false;
  private stopped = false;
  private readonly ref: Ref<number>;

  constructor(
    parent: Parent,
    name: string,
    private readonly limits: MailboxLimits,
    private readonly behaviour: Behaviour<M>,
  ) {
    this.ref = spawn(parent, (_state: undefined, _wake: number) => this.turn(), name, RESUME);
  }

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
    this.queue.push(message);
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
    this.queue = [];
    this.first = 0;
    return rest;
  }

  /** Ends the actor and hands back what nobody has dealt with. */
  stop(): M[] {
    if (this.stopped) return [];
    this.stopped = true;
    stop(this.ref);
    return this.takeAll();
  }

  private wake(): void {
    if (this.awake || this.paused || this.stopped) return;
    this.awake = true;
    dispatch(this.ref, WAKE);
  }

  private turn(): undefined {
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
    const deadline = performance.now() + budgetMs;
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
      this.queue = this.queue.length === 0 ? this.queue : [];
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

/** A crash is dealt with by the mailbox; should one escape it, nact must neither print nor stop the actor. */
const RESUME: { readonly onCrash: SupervisionActorFunc<number, Parent, Ref<unknown>> } = {
  onCrash: (_message, _cause, context) => context.resume,
};
