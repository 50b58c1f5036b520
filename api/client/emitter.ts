import type { Events } from './types.js';

/** Has what somebody else's code has thrown reported as an uncaught error, without unwinding ours. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

export interface Emitter<E> extends Events<E> {
  readonly emit: <K extends keyof E>(name: K, event: E[K]) => void;
}

/** Typed events. Who is added during a call takes part from the next one on. The same listener is there once. */
export function createEmitter<E>(): Emitter<E> {
  type Listener = (event: never) => void;
  const listeners = new Map<keyof E, Set<Listener>>();
  const of = (name: keyof E): Set<Listener> => {
    const known = listeners.get(name) ?? new Set();
    listeners.set(name, known);
    return known;
  };
  const off: Events<E>['off'] = (name, listener) => void of(name).delete(listener);
  return {
    on(name, listener) {
      of(name).add(listener);
      return () => off(name, listener);
    },
    off,
    emit(name, event) {
      for (const listener of [...of(name)]) {
        try {
          listener(event as never);
        } catch (error) {
          report(error);
        }
      }
    },
  };
}
