import { frameState, OPCODES, readFrames, type FrameSink } from './frames.js';
import { openSocket } from './socket.js';

/** Called for each frame a server sent: its opcode, the bytes of its payload, and one byte of that, if asked for. */
export type OnFrame = (opcode: number, bytes: number, letter: number) => void;

export interface Client {
  post(frame: Buffer): void;
  /** Ends it without a goodbye. */
  end(): void;
}

export interface ClientOptions {
  readonly port: number;
  readonly path: string;
  /** Whether the server's first frame is a greeting: until it has come, and for it, `onFrame` is not called. */
  readonly greets: boolean;
  readonly onFrame: OnFrame;
  /** The byte at this place of the greeting; where it is another one the server refuses. Default: any. */
  readonly greeting?: { readonly letterAt: number; readonly letter: number };
  /** Which byte of a payload `onFrame` is told; the first one by default. */
  readonly letterAt?: number;
  /** Called after the frames of one read. */
  readonly onRead?: () => void;
}

const AT_A_TIME = 100;
const ALL = new Uint8Array(256).fill(1);

/**
 * A WebSocket client on a raw socket. Resolves when the server's first frame has come, or at once after the
 * upgrade if it does not greet. Rejects when the server refuses.
 */
export function openClient(options: ClientOptions): Promise<Client> {
  const { port, path, greets, greeting, onFrame, letterAt = 0, onRead } = options;
  return new Promise((resolve, reject) => {
    let ready = false;
    const state = frameState();
    const sink: FrameSink = {
      letterAt,
      wanted: ALL,
      // Not called: all payloads are wanted.
      onFrame: () => undefined,
      onPayload(opcode, letter, bytes, from, to) {
        if (opcode === OPCODES.close) reject(new Error(`the server closed ${path}`));
        if (ready) onFrame(opcode, to - from, letter);
        else if (greeting && bytes[from + greeting.letterAt] !== greeting.letter)
          reject(new Error(bytes.toString('utf8', from, to)));
        else welcome();
      },
    };
    const socket = openSocket({
      port,
      path,
      onOpen: () => greets || welcome(),
      onBytes(chunk, length) {
        readFrames(state, sink, chunk, length);
        onRead?.();
      },
      onEnd: (cause) => reject(cause ?? new Error(`the server ended ${path}`)),
    });
    const client: Client = {
      post: (frame) => void socket.write(frame),
      end: () => void socket.destroy(),
    };

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
