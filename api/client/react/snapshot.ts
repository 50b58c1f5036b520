import { useCallback, useRef, useSyncExternalStore } from 'react';

/**
 * What `read` returns, read again when `subscribe` says so. It is the same object as long as its fields are the same, so that
 * nothing is rendered in vain. `source`: what both are about; another one is subscribed anew.
 */
export function useSnapshot<T extends object>(
  source: object,
  subscribe: (changed: () => void) => () => void,
  read: () => T,
): T {
  const last = useRef<T | null>(null);
  const snapshot = (): T => {
    const now = read();
    if (!last.current || !same(last.current, now)) last.current = now;
    return last.current;
  };
  return useSyncExternalStore(useCallback(subscribe, [source]), snapshot, snapshot);
}

function same<T extends object>(a: T, b: T): boolean {
  return (Object.keys(b) as (keyof T)[]).every((field) => Object.is(a[field], b[field]));
}
