import { connect, type Socket } from 'node:net';
import type { AttackPlan, AttackReport } from './plan.js';

/** Attackers come from this address of the machine, so that a limit by address does not meet those who behave. */
const ATTACKERS_ADDRESS = '127.66.0.1';

/** Before a connection that was closed is opened again, ms. */
const AGAIN_MS = 50;
/** Connections that may be under way to the server at once: the kernel's queue takes about 500. */
const CONNECTING = 200;
/** All sockets read into one buffer: what one has read is dealt with before the next one reads. */
const shared = Buffer.alloc(256 * 1024);

/** What one connection does. */
export interface Visitor {
  /** It is connected. */
  opened(socket: Socket): void;
  /** What came; the bytes are the visitor's during this call only. */
  received?(chunk: Buffer, length: number): void;
  /** It is over. Answers the close code that came, if one did. */
  ended?(): number | null;
}

/** The connections of one attack. */
export class Crowd {
  over = false;
  sent = 0;
  private opened = 0;
  private readonly statuses: Record<string, number> = {};
  private readonly refused: Record<string, number> = {};
  private readonly closed: Record<string, number> = {};
  readonly sockets = new Set<Socket>();
  private connecting = 0;
  private readonly queue: (() => void)[] = [];

  constructor(readonly plan: AttackPlan) {}

  /** Keeps as many connections as planned: each that ends is followed by another one. Resolves when all have been tried. */
  async fill(visit: (place: number) => Visitor): Promise<void> {
    await Promise.all(
      Array.from({ length: this.plan.connections }, (_, place) => this.keep(() => visit(place))),
    );
  }

  /** Resolves when the first connection is open, or has failed. */
  keep(visit: () => Visitor, againMs = AGAIN_MS): Promise<void> {
    return new Promise((tried) => {
      const next = (): void => {
        if (this.over) return tried();
        this.dial(visit(), tried, () => {
          if (againMs === 0) next();
          else setTimeout(next, againMs);
        });
      };
      next();
    });
  }

  private dial(visitor: Visitor, tried: () => void, gone: () => void): void {
    if (this.connecting >= CONNECTING) {
      this.queue.push(() => this.dial(visitor, tried, gone));
      return;
    }
    this.connecting++;
    const socket = connect({
      ...{ host: '127.0.0.1', port: this.plan.port, noDelay: true, localAddress: ATTACKERS_ADDRESS },
      onread: {
        buffer: shared,
        callback(length) {
          visitor.received?.(shared, length);
          return true;
        },
      },
    });
    this.sockets.add(socket);
    let isOpen = false;
    const arrived = (): void => {
      this.connecting--;
      this.queue.shift()?.();
      tried();
    };
    socket.once('connect', () => {
      isOpen = true;
      this.opened++;
      arrived();
      if (this.over) socket.resetAndDestroy();
      else visitor.opened(socket);
    });
    // How a connection ends is counted below; a failed one is tried again.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.sockets.delete(socket);
      if (!isOpen) arrived();
      const code = visitor.ended?.() ?? null;
      // Whatever ends while the attack goes on was ended by the server, unless the visitor says so.
      if (isOpen && !this.over && code !== OURS) count(this.closed, code === null ? 'none' : String(code));
      gone();
    });
  }

  answered(status: number): void {
    count(this.statuses, String(status));
  }

  wasRefused(code: string): void {
    count(this.refused, code);
  }

  /** Ends all connections. */
  end(): void {
    this.over = true;
    // A reset leaves no port behind that is in use for another minute.
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  report(): AttackReport {
    const { opened, sent, statuses, refused, closed } = this;
    return { opened, sent, statuses, refused, closed };
  }
}

/** What `ended` answers when the visitor itself has ended the connection. */
export const OURS = -1;

function count(into: Record<string, number>, what: string): void {
  into[what] = (into[what] ?? 0) + 1;
}
