import { createServer } from 'node:net';
import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';

export interface UwsServer {
  readonly app: TemplatedApp;
  /** Listens; resolves with the port, rejects with one line that says why not. `port` 0: any free one. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connections. Those that are open stay. */
  stopListening(): void;
  /** Closes everything at once. */
  close(): void;
}

/** The one owner of the port. Others attach their routes to `app` before `listen`. */
export function createUwsServer(): UwsServer {
  const app = uWS.App();
  let listening: us_listen_socket | null = null;

  return {
    app,
    async listen(host, port) {
      await assertFree(host, port);
      return new Promise((ready, fail) => {
        app.listen(host, port, (socket) => {
          if (socket === false) {
            fail(new Error(`cannot listen on ${host}:${port}`));
            return;
          }
          listening = socket;
          ready(uWS.us_socket_local_port(socket));
        });
      });
    },
    stopListening() {
      if (listening) uWS.us_listen_socket_close(listening);
      listening = null;
    },
    close() {
      listening = null;
      app.close();
    },
  };
}

/**
 * uWebSockets.js listens with SO_REUSEPORT: a second process would get every other connection without anybody
 * noticing. So the port is tried without it first.
 */
function assertFree(host: string, port: number): Promise<void> {
  return new Promise((free, fail) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const why = taken ? 'another program listens there; choose another with PORT' : cause.message;
      fail(new Error(`cannot listen on ${host}:${port}: ${why}`));
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => free()));
  });
}
