import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What may befall a link. */
export const MISHAPS = ['cut', 'stall', 'half-open', 'ghost'] as const;
export type Mishap = (typeof MISHAPS)[number];

/** A TCP proxy whose links are as bad as one asks for. New links are good. */
export interface BadLink {
  readonly port: number;
  /**
   * Has something happen to all links that stand. `cut`: both ends see the end. `stall`: nothing passes for `ms`, then what was
   * held does. `half-open`: the server sees the end, the client is told nothing, ever. `ghost`: the other way round.
   */
  befall(mishap: Mishap, ms: number): void;
  close(): Promise<void>;
}

interface Line {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** Listens on a free port of 127.0.0.1 and forwards to `target`, another port of it. */
export async function startBadLink(target: number): Promise<BadLink> {
  const lines = new Set<Line>();
  /** Of links that only one end knows any more. */
  const leftovers = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const line = { client, upstream };
    lines.add(line);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (piece) => {
        if (lines.has(line)) to.write(piece);
      });
      from.on('error', () => from.destroy());
      from.on('close', () => {
        leftovers.delete(from);
        if (lines.delete(line)) to.destroySoon();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function befallOne(line: Line, mishap: Mishap, ms: number): void {
    const { client, upstream } = line;
    if (mishap === 'stall') {
      client.pause();
      upstream.pause();
      setTimeout(() => {
        client.resume();
        upstream.resume();
      }, ms).unref();
      return;
    }
    lines.delete(line);
    const [ending, staying] = mishap === 'ghost' ? [client, upstream] : [upstream, client];
    ending.destroy();
    if (mishap === 'cut') staying.destroy();
    else leftovers.add(staying);
  }

  return {
    port: (server.address() as { port: number }).port,
    befall(mishap, ms) {
      for (const line of [...lines]) befallOne(line, mishap, ms);
    },
    async close() {
      server.close();
      for (const { client, upstream } of lines) for (const socket of [client, upstream]) socket.destroy();
      for (const socket of leftovers) socket.destroy();
      await once(server, 'close');
    },
  };
}
