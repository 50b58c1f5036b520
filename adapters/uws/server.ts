import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';

/**
 * `shared`: other processes of the same user may listen on the port, too (SO_REUSEPORT), and the kernel spreads new
 * connections over them. It does not report whether there is another one. `exclusive`: fails if there is.
 */
export type Sharing = 'shared' | 'exclusive';

export interface UwsServer {
  readonly app: TemplatedApp;
  /**
   * Listens on one more port; may be called several times. `port` 0: any free one. Resolves with the port, rejects with
   * an Error of one line.
   */
  listen(host: string, port: number, sharing: Sharing): Promise<number>;
  /** Accepts no new connections on any port. Open ones stay. */
  stopListening(): void;
  /** Listens on the same ports as before `stopListening`; rejects with an Error of one line. */
  listenAgain(): Promise<void>;
  /** Closes all ports and connections at once. */
  close(): void;
}

/** uSockets' LIBUS_LISTEN_DEFAULT and LIBUS_LISTEN_EXCLUSIVE_PORT. */
const OPTIONS = { shared: 0, exclusive: 1 };

/** The uWebSockets.js server of a node. Routes are attached to `app` before `listen`. */
export function createUwsServer(): UwsServer {
  const app = uWS.App();
  let listening: us_listen_socket[] = [];
  const places: { readonly host: string; readonly port: number; readonly sharing: Sharing }[] = [];

  function listen(host: string, port: number, sharing: Sharing): Promise<number> {
    return new Promise((ready, fail) => {
      const listened = (socket: us_listen_socket | false): void => {
        if (socket === false) {
          fail(new Error(`cannot listen on ${host}:${port}: another program listens there`));
          return;
        }
        listening.push(socket);
        ready(uWS.us_socket_local_port(socket));
      };
      // @ts-expect-error -- the types know options only without a host
      app.listen(host, port, OPTIONS[sharing], listened);
    });
  }

  return {
    app,
    async listen(host, wanted, sharing) {
      const port = await listen(host, wanted, sharing);
      places.push({ host, port, sharing });
      return port;
    },
    async listenAgain() {
      if (listening.length > 0) return;
      for (const { host, port, sharing } of places) await listen(host, port, sharing);
    },
    stopListening() {
      for (const socket of listening) uWS.us_listen_socket_close(socket);
      listening = [];
    },
    close() {
      listening = [];
      app.close();
    },
  };
}
