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

export interface Machine<S, E> {
  readonly state: () => S;
  readonly send: (event: E) => void;
}

/**
 * A state machine. A state is plain data with a name. Events that happen while one is being dealt with wait for their turn,
 * so that `enter` and the clean-up may send some. What a state has begun ends with it: nothing that it awaited can reach the
 * next one. `changed` is called after each change of state, when the new one has been entered.
 */
export function createMachine<S extends { readonly name: string }, E extends { readonly type: string }>(
  initial: S,
  behaviours: Behaviours<S, E>,
  changed: (state: S) => void,
): Machine<S, E> {
  let state = initial;
  let cleanUp: (() => void) | undefined;
  let isBusy = false;
  const waiting: E[] = [];
  const behaviour = () => behaviours[state.name as S['name']] as Behaviour<S, E, S>;

  function handle(event: E): void {
    const { on } = behaviour();
    const handler = on[event.type as E['type']] as ((event: E, state: S) => S | null) | undefined;
    if (!handler) throw new Error(`${event.type} while ${state.name}; legal: ${Object.keys(on).join()}`);
    const next = handler(event, state);
    if (next === null) return;
    cleanUp?.();
    state = next;
    cleanUp = behaviour().enter?.(next);
    changed(next);
  }

  return {
    state: () => state,
    send(event) {
      waiting.push(event);
      if (isBusy) return;
      isBusy = true;
      try {
        for (let next = waiting.shift(); next; next = waiting.shift()) handle(next);
      } finally {
        isBusy = false;
        // Only a bug leaves some behind.
        waiting.length = 0;
      }
    },
  };
}
