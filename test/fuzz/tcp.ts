import { once } from 'node:events';
import { connect } from 'node:net';

/** A TCP connection whose answers are waited for as they come. */
export interface Tcp {
  write(bytes: Buffer | string): void;
  received(): Buffer;
  /** The other side has ended it. */
  isOver(): boolean;
  /** Asks at each arrival and at the end, and resolves with the first answer that is not null; null after `ms`. */
  wait<T>(ask: () => T | null, ms: number): Promise<T | null>;
  /** Sends nothing any more, which ends a connection of uWebSockets.js. */
  finish(): void;
  /** With a reset, which leaves no port in TIME_WAIT: there are only so many of them. */
  destroy(): void;
}

export async function openTcp(port: number): Promise<Tcp> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  let whole: Buffer = Buffer.alloc(0);
  let over = false;
  /** A reset while this lasts is refused by libuv (uv_tcp_close_reset): the handle would be left, and the process never end. */
  let isFinishing = false;
  let changed = (): void => undefined;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    changed();
  });
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    over = true;
    changed();
  });
  return {
    write: (bytes) => void socket.write(bytes),
    received() {
      if (chunks.length > 0) whole = Buffer.concat([whole, ...chunks.splice(0)]);
      return whole;
    },
    isOver: () => over,
    wait(ask, ms) {
      return new Promise((resolve) => {
        const first = ask();
        if (first !== null) {
          resolve(first);
          return;
        }
        const finish = (answer: ReturnType<typeof ask>): void => {
          clearTimeout(timer);
          changed = () => undefined;
          resolve(answer);
        };
        const timer = setTimeout(() => finish(null), ms);
        changed = () => {
          const answer = ask();
          if (answer !== null) finish(answer);
        };
      });
    },
    finish() {
      isFinishing = true;
      socket.end(() => (isFinishing = false));
    },
    destroy() {
      if (isFinishing) socket.destroy();
      else socket.resetAndDestroy();
    },
  };
}
