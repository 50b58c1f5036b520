import { dispatch, spawn, type ActorSystemRef, type Ref, type SupervisionActorFunc } from 'nact';

/** Something that wants a turn: an actor whose mailbox holds messages. */
export interface Runnable {
  /** Takes one turn of bounded length. Asks its dispatcher for another one if there is more to do. */
  turn(): void;
}

/** The place in nact's tree under which an actor is spawned. */
export type Parent = ActorSystemRef;

/** After so many ms the event loop gets its chance to read, and those who had no turn yet go first in the next round. */
const ROUND_MS = 2;
/** Reading the clock costs as much as a short turn, so it is read once in so many. */
const CLOCK_EVERY = 16;
const WAKE = 1;

/**
 * Gives turns to the actors of one kind: a nact actor of its own, woken once however many of them have something to
 * do, which lets each of them have one turn a round, in the order in which they asked. So whoever is busy waits
 * behind all others that are ready before it has its next turn.
 *
 * A nact actor for each room, audience and connection would cost 1.3 KB and, for each message, a turn of the event
 * loop, a promise and a copy of its context (see bench/NOTES.md).
 */
export class Dispatcher {
  private ready: Runnable[] = [];
  private awake = false;
  private readonly ref: Ref<number>;

  constructor(parent: Parent, name: string) {
    this.ref = spawn(parent, (_state: undefined, _wake: number) => this.round(), name, RESUME);
  }

  /** Asks for a turn in the next round. To be called once until that turn comes. */
  ask(runnable: Runnable): void {
    this.ready.push(runnable);
    this.wake();
  }

  private wake(): void {
    if (this.awake) return;
    this.awake = true;
    dispatch(this.ref, WAKE);
  }

  private round(): undefined {
    const round = this.ready;
    this.ready = [];
    this.awake = false;
    const deadline = performance.now() + ROUND_MS;
    let next = 0;
    try {
      while (next < round.length) {
        round[next++]?.turn();
        if (next % CLOCK_EVERY === 0 && performance.now() > deadline) break;
      }
    } finally {
      // Also when a turn threw: those behind it have theirs in the next round.
      if (next < round.length) this.ready = round.slice(next).concat(this.ready);
      if (this.ready.length > 0) this.wake();
    }
  }
}

/** A crash is dealt with by the actor that had its turn; should one escape it, nact must neither print nor stop us. */
const RESUME: { readonly onCrash: SupervisionActorFunc<number, Parent, Ref<unknown>> } = {
  onCrash: (_message, _cause, context) => context.resume,
};
