import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { Duplex } from 'node:stream';

const REFUSED = 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n';

/** An HTTP proxy before `target`, a port of 127.0.0.1, that refuses every Upgrade; or, `silently`, never answers one. */
export async function startNoUpgrade(
  target: number,
  { silently = false } = {},
): Promise<{ port: number; close(): Promise<void> }> {
  const held = new Set<Duplex>();
  const server = createServer((incoming, answer) => {
    const { method, url, headers } = incoming;
    const onward = request(
      { host: '127.0.0.1', port: target, method, path: url, headers, agent: false },
      (result) => {
        answer.writeHead(result.statusCode ?? 502, result.headers);
        result.pipe(answer);
        // A stream is let through as it comes.
        answer.flushHeaders();
      },
    );
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on('upgrade', (_, socket) => {
    if (!silently) return void socket.end(REFUSED);
    held.add(socket);
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      server.close();
      server.closeAllConnections();
      for (const socket of held) socket.destroy();
      await once(server, 'close');
    },
  };
}
