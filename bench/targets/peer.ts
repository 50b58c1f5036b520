import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a peer's process tells the one that started it. */
export type Told = { readonly port: number } | { readonly heapBytes: number };

/**
 * Called by a peer when it listens: tells the port to the process that started it, answers that one's question about
 * the heap, and ends with it. Without such a process, started by hand, it prints the port.
 */
export function listening(port: number): void {
  if (process.send === undefined) {
    process.stdout.write(`port ${port}\n`);
    return;
  }
  const tell = (told: Told): void => void process.send?.(told);
  process.on('message', () => {
    // There with --expose-gc only; the same for every peer, so none looks larger because its garbage is younger.
    globalThis.gc?.();
    tell({ heapBytes: process.memoryUsage().heapUsed });
  });
  process.once('disconnect', () => process.exit(0));
  tell({ port });
}

/** The port on which a node:http server listens. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
