import { dispatch, spawn, type ActorSystemRef, type Ref, type SupervisionActorFunc } from 'nact';
import type { LoopTurns, Round } from './loop-turns.js';
import type { RoundClock } from './round-clock.js';

/** Something that wants a turn: an actor whose mailbox holds messages. */
export interface Runnable {
  /** Takes one turn of bounded length. Asks its scheduler for another one if there is more to do. */
  turn(): void;
}

/** The place in nact's tree under which an actor is spawned. */
export type Parent = ActorSystemRef;

/**
 * A round ends after this many ms so that the event loop can do I/O; actors still waiting go first in the
 * next round.
 */
const ROUND_MS = 2;
/** Reading the clock costs as much as a short turn, so it is read only after every 16 turns. */
const CLOCK_EVERY = 16;
const WAKE = 1;

/**
 * Gives turns to the actors of one kind. nact wakes it once, however many actors have something to do. Then
 * each of them has one turn in a round, in the order in which they asked. So a busy actor has its next turn
 * after all others that are ready. Schedulers with the same `loop` may have their rounds in one turn of the event loop.
 */
export class Scheduler implements Round {
  private ready: Runnable[] = [];
  private awake = false;
  private readonly ref: Ref<number>;

  /** `clock`: told when a round begins and ends, so that it can stand still meanwhile. */
  constructor(
    parent: Parent,
    name: string,
    private readonly loop: LoopTurns,
    private readonly clock: RoundClock | null = null,
  ) {
    this.ref = spawn(parent, (_state: undefined, _wake: number) => loop.run(this) as undefined, name, RESUME);
  }

  /** Asks for a turn in the next round. To be called once until that turn comes. */
  ask(runnable: Runnable): void {
    this.ready.push(runnable);
    this.wake();
  }

  private wake(): void {
    if (this.awake) return;
    this.awake = true;
    if (!this.loop.follow(this)) this.later();
  }

  later(): void {
    dispatch(this.ref, WAKE);
  }

  round(): void {
    const round = this.ready;
    this.ready = [];
    this.awake = false;
    const deadline = performance.now() + ROUND_MS;
    let next = 0;
    this.clock?.begin();
    try {
      while (next < round.length) {
        round[next++]?.turn();
        if (next % CLOCK_EVERY === 0 && performance.now() > deadline) break;
      }
    } finally {
      this.clock?.end();
      // Even if a turn threw: the actors behind it have their turns in the next round.
      if (next < round.length) this.ready = round.slice(next).concat(this.ready);
      if (this.ready.length > 0) this.wake();
    }
  }
}

/** An actor deals with its own crash. If one escapes, nact must neither print it nor stop the scheduler. */
const RESUME: { readonly onCrash: SupervisionActorFunc<number, Parent, Ref<unknown>> } = {
  onCrash: (_message, _cause, context) => context.resume,
};
