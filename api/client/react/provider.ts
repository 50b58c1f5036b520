import { createContext, createElement, useContext, useEffect, useRef, type ReactElement } from 'react';
import { connect, type Connection } from '../index.js';
import { useSnapshot } from './snapshot.js';
import type { ConnectionView, ParlorProviderProps } from './types.js';

const Context = createContext<Connection | null>(null);

/**
 * Gives its children a connection: yours, or one to `url` that is open while this is mounted. Nothing is opened while React
 * renders, so a tree that is suspended, or thrown away before it was shown, leaves nothing behind.
 */
export function ParlorProvider(props: ParlorProviderProps): ReactElement {
  const { children, connection, url, options } = props;
  const { user, token } = options ?? {};
  const key = [url, user, token].join('\n');
  const own = useRef<{ readonly key: string; readonly connection: Connection } | null>(null);
  if (url !== undefined && own.current?.key !== key)
    own.current = { key, connection: connect(url, { ...options, lazy: true }) };
  const mine = connection ? null : (own.current?.connection ?? null);
  useEffect(() => {
    mine?.open();
    return () => mine?.close();
  }, [mine]);
  return createElement(Context.Provider, { value: connection ?? mine }, children);
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
    (changed) => connection.on('status', changed),
    () => ({
      connection,
      status: connection.status,
      error: connection.error,
      user: connection.user,
      transport: connection.transport,
    }),
    connection,
  );
}
