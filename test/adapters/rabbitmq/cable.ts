import { createServer, connect as dial, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';

/** Which of a node's two connections. */
export type Use = 'publish' | 'consume';

/** A cable to the broker that can be cut, go silent, swallow what goes towards the broker, or hold back what comes from it. */
export class Cable {
  swallows = false;
  swallowed = 0;
  private silent = false;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  /** As the connections have introduced themselves. */
  private readonly uses = new WeakMap<readonly [Socket, Socket], Use>();

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async to(t: Test, url: string): Promise<Cable> {
    const { hostname, port } = new URL(url);
    const server = createServer((client) => cable.plug(client, dial(Number(port), hostname)));
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const through = new URL(url);
    through.hostname = '127.0.0.1';
    through.port = String((server.address() as AddressInfo).port);
    const cable = new Cable(through.href, server);
    t.teardown(() => cable.end());
    return cable;
  }

  /** Ends what is connected, or one of the two connections; it may connect again. */
  cut(only?: Use): void {
    this.swallows = false;
    for (const pair of this.pairs) {
      if (only !== undefined && this.uses.get(pair) !== only) continue;
      pair.forEach((socket) => socket.destroy());
      this.pairs.delete(pair);
    }
  }

  /** Nothing gets through any more, and nobody is told. */
  silence(): void {
    this.silent = true;
    for (const pair of this.pairs) pair.forEach((socket) => socket.pause());
  }

  /** Holds back what comes from the broker, as a client does that does not read. */
  holdBack(): void {
    for (const [, broker] of this.pairs) broker.pause();
  }

  /** What was held back arrives, and who has hung up meanwhile is known to have. */
  mend(): void {
    this.silent = false;
    for (const pair of this.pairs) {
      const hungUp = pair.some(({ destroyed }) => destroyed);
      pair.forEach((socket) => (hungUp ? socket.destroy() : socket.resume()));
    }
  }

  /** Ends what is connected, and lets nobody connect again: what is left of a process that was killed. */
  end(): Promise<void> {
    const closed = new Promise<void>((ended) => this.server.close(() => ended()));
    this.cut();
    return closed;
  }

  private plug(client: Socket, broker: Socket): void {
    const pair = [client, broker] as const;
    this.pairs.add(pair);
    client.on('data', (bytes) => {
      const use = /parlor (publish|consume) /.exec(bytes.toString('latin1'))?.[1] as Use | undefined;
      if (use && !this.uses.has(pair)) this.uses.set(pair, use);
      if (this.swallows) this.swallowed += bytes.length;
      else broker.write(bytes);
    });
    broker.on('data', (bytes) => client.write(bytes));
    if (this.silent) pair.forEach((socket) => socket.pause());
    for (const [socket, other] of [pair, [broker, client]] as const) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        if (this.silent) return;
        other.destroy();
        this.pairs.delete(pair);
      });
    }
  }
}
