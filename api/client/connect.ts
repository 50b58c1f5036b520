import { createConnection } from './connection.js';
import { settingsOf } from './settings.js';
import type { ConnectOptions, Connection } from './types.js';

/**
 * A connection to the Parlor at `url`: `http(s)://` or `ws(s)://`, in a page also relative to it. It connects at once, unless it
 * is `lazy`, and stays connected until `close()`. Throws a TypeError if `url` is no address.
 */
export function connect(url: string, options: ConnectOptions = {}): Connection {
  const connection = createConnection(settingsOf(url, options));
  if (!options.lazy) connection.open();
  return connection;
}
