import { once } from 'node:events';
import { createServer, request } from 'node:http';

/** An HTTP proxy before `target`, a port of 127.0.0.1, that refuses every Upgrade. */
export async function startNoUpgrade(target: number): Promise<{ port: number; close(): Promise<void> }> {
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
  server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
