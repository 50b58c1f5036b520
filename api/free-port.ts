import { createServer } from 'node:net';

/**
 * Resolves with this port if it is free; port 0 resolves with any free port. Rejects with a message of one line.
 *
 * uWebSockets.js listens with SO_REUSEPORT, which lets workers share a port. It also means that a second Parlor on the
 * same port would take half of the connections, and nobody would notice. So the port is first tried without that
 * option, once for all workers.
 */
export function freePort(host: string, port: number): Promise<number> {
  return new Promise((free, fail) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const why = taken ? 'another program listens there; choose another with PORT' : cause.message;
      fail(new Error(`cannot listen on ${host}:${port}: ${why}`));
    });
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      const found = typeof address === 'object' && address !== null ? address.port : port;
      probe.close(() => free(found));
    });
  });
}
