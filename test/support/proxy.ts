import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePorts } from './ports.js';

/** A TCP proxy that can behave as badly as a network does. */
export interface Proxy {
  readonly port: number;
  /** Forwards nothing from now on, and holds what comes; connections stay, new ones are accepted and held too. */
  hang(): void;
  /** Ends every connection and accepts none. */
  refuse(): Promise<void>;
  /** As a proxy should: forwards, also what it held, and accepts. */
  recover(): Promise<void>;
  /** Connections that go through it now. */
  readonly open: number;
  /** The local ports of its connections to the target: the names by which the target knows them. */
  ports(): number[];
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and forwards to `target`, another port of it. */
export async function startProxy(target: number): Promise<Proxy> {
  const [port] = (await freePorts(1)) as [number];
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let hanging = false;
  let server = createServer(forward);

  function forward(client: Socket): void {
    const upstream = connect(target, '127.0.0.1');
    upstreams.add(upstream);
    upstream.on('close', () => upstreams.delete(upstream));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (piece) => void to.write(piece));
      from.on('error', () => to.destroy()); // The end of one side is the end of the other.
      from.on('close', () => {
        sockets.delete(from);
        // What it said last still goes out.
        to.destroySoon();
      });
      if (hanging) from.pause();
    }
  }

  async function listen(): Promise<void> {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  }

  async function refuse(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  }

  await listen();
  return {
    port,
    get open() {
      return sockets.size / 2;
    },
    ports: () => [...upstreams].flatMap(({ localPort }) => (localPort === undefined ? [] : [localPort])),
    hang() {
      hanging = true;
      for (const socket of sockets) socket.pause();
    },
    refuse,
    async recover() {
      hanging = false;
      for (const socket of sockets) socket.resume();
      if (server.listening) return;
      server = createServer(forward);
      await listen();
    },
    close: refuse,
  };
}
