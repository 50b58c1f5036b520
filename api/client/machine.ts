/** What a machine does in one state. `on` names each event that can happen there; any other is a bug, and throws. */
export interface Behaviour<S, E extends { readonly type: string }, This extends S> {
  /** Called when the state is entered, also from itself. Returns what is to be undone when it is left. */
  enter?(state: This): (() => void) | undefined;
  /** Each returns the next state, or null to stay without leaving and entering. */
  on: { readonly [T in E['type']]?: (event: Extract<E, { type: T }>, state: This) => S | null };
}

export type Behaviours<S extends { readonly name: string }, E extends { readonly type: string }> = {
  readonly [N in S['name']]: Behaviour<S, E, Extract<S, { name: N }>>;
};

/**
 * A state machine. A state is plain data with a name. Events that happen while one is being dealt with wait for their turn,
 * so that `enter` and the clean-up may send some. What a state has begun ends with it: nothing that it awaited can reach the
 * next one.
 */
export class Machine<S extends { readonly name: string }, E extends { readonly type: string }> {
  #state: S;
  #cleanUp: (() => void) | undefined;
  readonly #waiting: E[] = [];
  #isBusy = false;

  constructor(
    initial: S,
    private readonly behaviours: Behaviours<S, E>,
    /** Called after each change of state, when the new one is entered. */
    private readonly changed: (state: S) => void,
  ) {
    this.#state = initial;
  }

  get state(): S {
    return this.#state;
  }

  send(event: E): void {
    this.#waiting.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) this.#handle(next);
    } finally {
      this.#isBusy = false;
      // Only a bug leaves some behind.
      this.#waiting.length = 0;
    }
  }

  #handle(event: E): void {
    const { name } = this.#state;
    const behaviour = this.behaviours[name as S['name']] as Behaviour<S, E, S>;
    const handler = behaviour.on[event.type as E['type']] as ((event: E, state: S) => S | null) | undefined;
    if (!handler)
      throw new Error(`${event.type} cannot happen while ${name}, only ${Object.keys(behaviour.on).join()}`);
    const next = handler(event, this.#state);
    if (next === null) return;
    const cleanUp = this.#cleanUp;
    this.#cleanUp = undefined;
    cleanUp?.();
    this.#state = next;
    this.#cleanUp = (this.behaviours[next.name as S['name']] as Behaviour<S, E, S>).enter?.(next);
    this.changed(next);
  }
}
