import { createServer } from 'node:net';

/**
 * Resolves with this port if nobody listens on it; with 0, with one on which nobody does. Rejects with one line.
 *
 * uWebSockets.js listens with SO_REUSEPORT, which is what lets workers share a port. It also means that a second Parlor
 * would get every other connection without anybody noticing. So the port is tried without it first, once for all workers.
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
