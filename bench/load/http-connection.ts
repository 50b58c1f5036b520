import { connect, type Socket } from 'node:net';
import { createAnswerReader, type HttpAnswer } from './http-answers.js';

/** One keep-alive connection, with one post under way at most. */
export interface HttpConnection {
  readonly busy: boolean;
  /** Only while it is not busy. */
  post(bytes: Buffer): void;
  /** Ends it; no event comes any more. */
  drop(): void;
}

export interface HttpConnectionEvents {
  /** The post under way was answered. */
  answered(answer: HttpAnswer): void;
  /** The connection ended; `unanswered`: with a post under way. It is being opened again, and not busy. */
  ended(unanswered: boolean): void;
}

/** All sockets read into one buffer: what one has read is dealt with before the next one reads. */
const shared = Buffer.alloc(64 * 1024);
/** Pause before a connection that could not be opened again is tried once more. */
const AGAIN_MS = 50;

/** Opens a connection; resolves when it is open, rejects when it cannot be. Later it opens itself again. */
export function openHttpConnection(port: number, events: HttpConnectionEvents): Promise<HttpConnection> {
  return new Promise((resolve, reject) => {
    let busy = false;
    let dropped = false;
    let wasOpen = false;
    let socket = open();

    const connection: HttpConnection = {
      get busy() {
        return busy;
      },
      post(bytes) {
        busy = true;
        socket.write(bytes);
      },
      drop() {
        dropped = true;
        socket.destroy();
      },
    };

    function open(): Socket {
      const read = createAnswerReader((answer) => {
        busy = false;
        events.answered(answer);
      });
      const opened = connect({
        host: '127.0.0.1',
        port,
        noDelay: true,
        onread: {
          buffer: shared,
          callback(length) {
            read(shared, length);
            return true;
          },
        },
      });
      let connected = false;
      opened.once('connect', () => {
        connected = wasOpen = true;
        resolve(connection);
      });
      // What matters of it later is that the connection ended.
      opened.on('error', (cause) => {
        if (!wasOpen) reject(cause);
      });
      opened.once('close', () => {
        if (dropped || !wasOpen) return;
        const unanswered = busy;
        busy = false;
        if (connected) socket = open();
        else setTimeout(() => (socket = open()), AGAIN_MS);
        events.ended(unanswered);
      });
      return opened;
    }
  });
}
