import type { Events } from './types.js';

type Listener = (event: never) => void;

/** Reports what somebody else's code has thrown as the uncaught error it is, without unwinding ours. */
export function report(error: unknown): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  if (reportError) reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}

/** Typed events. Listeners that are added or taken away during a call take part from the next one on. */
export class Emitter<E> implements Events<E> {
  readonly #listeners = new Map<keyof E, readonly Listener[]>();

  on<K extends keyof E>(name: K, listener: (event: E[K]) => void): () => void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    return () => this.off(name, listener);
  }

  off<K extends keyof E>(name: K, listener: (event: E[K]) => void): void {
    const all = this.#listeners.get(name) ?? [];
    const at = all.indexOf(listener);
    if (at >= 0) this.#listeners.set(name, [...all.slice(0, at), ...all.slice(at + 1)]);
  }

  /** For the owner only. */
  protected emit<K extends keyof E>(name: K, event: E[K]): void {
    for (const listener of (this.#listeners.get(name) ?? []) as readonly ((event: E[K]) => void)[]) {
      try {
        listener(event);
      } catch (error) {
        report(error);
      }
    }
  }
}
