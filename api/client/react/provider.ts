import { createContext, createElement, useContext, useEffect, useMemo, type ReactElement } from 'react';
import { connect, type Connection } from '../index.js';
import { useSnapshot } from './snapshot.js';
import type { ConnectionView, ParlorProviderProps } from './types.js';

const Context = createContext<Connection | null>(null);

/**
 * Gives its children a connection: yours, or one to `url` that is open while this is mounted. Nothing is opened while React
 * renders, so a tree that is suspended, or thrown away before it was shown, leaves nothing behind.
 */
export function ParlorProvider({ children, connection, url, options }: ParlorProviderProps): ReactElement {
  const { user, token } = options ?? {};
  const own = useMemo(
    () => (url === undefined ? null : connect(url, { ...options, lazy: true })),
    // Options are often written in place, so the object is another one at each render.
    [url, user, token],
  );
  useEffect(() => {
    own?.open();
    return () => own?.close();
  }, [own]);
  return createElement(Context.Provider, { value: connection ?? own }, children);
}

/** The connection of the nearest provider. Throws without one. */
export function useParlor(): Connection {
  const connection = useContext(Context);
  if (!connection) throw new Error('there is no <ParlorProvider> around this component');
  return connection;
}

/** The connection and how it is. */
export function useConnection(): ConnectionView {
  const connection = useParlor();
  return useSnapshot(
    connection,
    (changed) => connection.on('status', changed),
    () => ({
      connection,
      status: connection.status,
      error: connection.error,
      user: connection.user,
      transport: connection.transport,
    }),
  );
}
