import { connect, type Socket } from 'node:net';

export interface SocketOptions {
  readonly port: number;
  readonly path: string;
  /** Which address of this machine it comes from; any by default. */
  readonly from?: string;
  /** The server has agreed to speak WebSocket. */
  onOpen(): void;
  /** What it sent; the bytes are the caller's during this call only. */
  onBytes(chunk: Buffer, length: number): void;
  /** It is over, once; with the cause if there was a failure. Nothing comes after it. */
  onEnd(cause: Error | null): void;
}

/** All sockets read into one buffer: what one has read is counted before the next one reads. */
const shared = Buffer.alloc(256 * 1024);

/** A WebSocket on a raw socket, up to where its frames begin. */
export function openSocket(options: SocketOptions): Socket {
  const { port, path, from } = options;
  let upgraded = false;
  let answer = '';
  let failure: Error | null = null;
  const socket = connect({
    host: '127.0.0.1',
    port,
    noDelay: true,
    ...(from === undefined ? {} : { localAddress: from }),
    onread: {
      buffer: shared,
      callback(length, buffer) {
        if (upgraded) options.onBytes(buffer as Buffer, length);
        else shake((buffer as Buffer).toString('latin1', 0, length));
        return true;
      },
    },
  });
  socket.on('error', (cause) => (failure = cause));
  socket.on('close', () => options.onEnd(failure));
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  return socket;

  function shake(text: string): void {
    answer += text;
    const end = answer.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!answer.startsWith('HTTP/1.1 101')) {
      socket.destroy(new Error(`no upgrade: ${answer.slice(0, 60)}`));
      return;
    }
    upgraded = true;
    options.onOpen();
    const rest = Buffer.from(answer.slice(end + 4), 'latin1');
    if (rest.length > 0) options.onBytes(rest, rest.length);
  }
}
