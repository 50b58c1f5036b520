import type { Events } from './types.js';

/** Reports what somebody else's code has thrown as the uncaught error it is, without unwinding ours. */
export function report(error: unknown): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  if (reportError) reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}

export interface Emitter<E> extends Events<E> {
  emit<K extends keyof E>(name: K, event: E[K]): void;
}

/** Typed events. Listeners that are added or taken away during a call take part from the next one on. */
export function createEmitter<E>(): Emitter<E> {
  type Listener = (event: never) => void;
  const listeners = new Map<keyof E, readonly Listener[]>();
  const of = (name: keyof E): readonly Listener[] => listeners.get(name) ?? [];
  const off: Events<E>['off'] = (name, listener) => {
    const at = of(name).indexOf(listener);
    if (at >= 0)
      listeners.set(
        name,
        of(name).filter((_, index) => index !== at),
      );
  };
  return {
    on(name, listener) {
      listeners.set(name, [...of(name), listener]);
      return () => off(name, listener);
    },
    off,
    emit(name, event) {
      for (const listener of of(name)) {
        try {
          listener(event as never);
        } catch (error) {
          report(error);
        }
      }
    },
  };
}
