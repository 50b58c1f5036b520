import { useCallback, useRef, useSyncExternalStore } from 'react';

/**
 * What `read` returns, read again when `subscribe` says so; the same object as long as its fields are the same. `source`: a
 * new one subscribes anew.
 */
export function useSnapshot<T extends object>(
  subscribe: (changed: () => void) => () => void,
  read: () => T,
  source: object,
): T {
  const last = useRef<T | null>(null);
  const snapshot = (): T => {
    const now = read();
    const before = last.current;
    if (before && same(before, now)) return before;
    return (last.current = now);
  };
  // eslint-disable-next-line -- the source stands for what subscribe closes over
  const stable = useCallback(subscribe, [source]);
  return useSyncExternalStore(stable, snapshot, snapshot);
}

function same<T extends object>(a: T, b: T): boolean {
  return (Object.keys(b) as (keyof T)[]).every((field) => Object.is(a[field], b[field]));
}
