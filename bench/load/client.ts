import { connect } from 'node:net';
import { createFrameCounter, type OnFrame } from './frames.js';

export interface Client {
  post(frame: Buffer): void;
}

export interface ClientOptions {
  readonly port: number;
  readonly path: string;
  /** Whether the server's first frame is a greeting: until it has come, and for it, `onFrame` is not called. */
  readonly greets: boolean;
  readonly onFrame: OnFrame;
  /** Which byte of a payload `onFrame` is told; none by default. */
  readonly letterAt?: number;
  /** Called after the frames of one read. */
  readonly onRead?: () => void;
}

/** All sockets read into one buffer: what one has read is counted before the next one reads. */
const shared = Buffer.alloc(256 * 1024);
const AT_A_TIME = 100;

/**
 * A WebSocket client on a raw socket. Resolves when the server's first frame has come, or at once after the
 * upgrade if it does not greet. Rejects when the server refuses.
 */
export function openClient(options: ClientOptions): Promise<Client> {
  const { port, path, greets, onFrame, letterAt, onRead } = options;
  return new Promise((resolve, reject) => {
    let upgraded = false;
    let ready = false;
    let answer = '';
    const client: Client = { post: (frame) => void socket.write(frame) };
    const count = createFrameCounter((opcode, bytes, letter) => {
      if (opcode === 8) reject(new Error(`the server closed ${path}`));
      if (ready) onFrame(opcode, bytes, letter);
      else welcome();
    }, letterAt);
    const socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: shared,
        callback(length, buffer) {
          if (upgraded) {
            count(buffer, length);
            onRead?.();
          } else handshake(Buffer.from(buffer.subarray(0, length)).toString('latin1'));
          return true;
        },
      },
    });
    socket.on('error', reject);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );

    function handshake(text: string): void {
      answer += text;
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!answer.startsWith('HTTP/1.1 101')) return reject(new Error(`no upgrade: ${answer.slice(0, 60)}`));
      upgraded = true;
      if (!greets) welcome();
      const rest = Buffer.from(answer.slice(end + 4), 'latin1');
      count(rest, rest.length);
    }

    function welcome(): void {
      ready = true;
      resolve(client);
    }
  });
}

/** Opens many clients, some at a time. */
export async function openMany(count: number, open: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_A_TIME) {
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count - from) }, (_, i) => open(from + i)));
  }
}
