import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { until } from '../../support/until.js';

/** A TCP connection, for what no well-behaved client would send. */
export interface Raw {
  readonly socket: Socket;
  write(bytes: string | Buffer): void;
  /** All that has come so far. */
  received(): Buffer;
  /** Resolves when the other side has ended it. */
  readonly closed: Promise<void>;
}

export async function connectRaw(port: number, localAddress?: string): Promise<Raw> {
  const socket = connect({ port, host: '127.0.0.1', ...(localAddress ? { localAddress } : {}) });
  let received = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
  await once(socket, 'connect');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // A reset is one of the ways in which the other side ends it.
  socket.on('error', () => socket.destroy());
  return { socket, write: (bytes) => void socket.write(bytes), received: () => received, closed };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The first whole answer on a connection; `null` if the other side ended it without one. */
export async function answerOn(raw: Raw): Promise<RawAnswer | null> {
  let over = false;
  void raw.closed.then(() => (over = true));
  await until(() => parseAnswer(raw.received()) !== null || over, {
    timeoutMs: 20_000,
    what: () => `an answer after ${JSON.stringify(raw.received().toString().slice(0, 200))}`,
  });
  return parseAnswer(raw.received());
}

/** Sends bytes over a connection of their own and resolves with the answer. */
export async function exchange(port: number, bytes: string | Buffer): Promise<RawAnswer | null> {
  const raw = await connectRaw(port);
  raw.write(bytes);
  try {
    return await answerOn(raw);
  } finally {
    raw.socket.destroy();
  }
}

function parseAnswer(bytes: Buffer): RawAnswer | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = bytes.subarray(0, end).toString().split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  const body = bytes.subarray(end + 4);
  if (body.length < Number(headers['content-length'] ?? 0)) return null;
  return { status: Number(first.split(' ')[1]), headers, body: body.toString() };
}

/** What a WebSocket frame is made of (RFC 6455, section 5.2). */
export interface FrameShape {
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  readonly opcode?: number;
  readonly fin?: boolean;
  readonly masked?: boolean;
  /** The four bytes of the mask; random ones otherwise. */
  readonly mask?: readonly number[];
  /** The reserved bits that are set: 4 RSV1, which stands for compression, 2 RSV2, 1 RSV3. */
  readonly reserved?: number;
  /** What the header says, where it lies. */
  readonly length?: number;
  /** Bytes that hold the length, where they are more than it needs: 2 or 8. */
  readonly lengthBytes?: 2 | 8;
}

/** The bytes of one frame, as a client sends it unless `shape` says otherwise. */
export function frameBytes(payload: string | Buffer, shape: FrameShape = {}): Buffer {
  const { opcode = 1, fin = true, masked = true, reserved = 0 } = shape;
  const body = Buffer.from(payload);
  const length = shape.length ?? body.length;
  const head = Buffer.alloc(2 + (shape.lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8)));
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (head.length === 2 ? length : head.length === 4 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = shape.mask === undefined ? randomBytes(4) : Buffer.from(shape.mask);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** The first two bytes as they came: FIN, reserved bits and opcode; mask bit and length. */
  readonly head: number;
}

/** A WebSocket over a bare TCP connection. */
export interface RawWebSocket extends Raw {
  /** The frames that came, pings and pongs left out. */
  frames(): ReceivedFrame[];
  /** All frames that came, and how many bytes behind them are of one that has not come whole. */
  everything(): { readonly frames: ReceivedFrame[]; readonly rest: number };
  /** Resolves with a frame of this type (of ours). */
  told(type: string): Promise<Readonly<Record<string, unknown>>>;
  /** Resolves when the other side has ended it: the code of its close frame, or 1006 if there was none. */
  ended(timeoutMs?: number): Promise<number>;
}

/** Opens a WebSocket on a bare TCP connection; it answers neither pings nor a close. */
export async function openRaw(
  port: number,
  path: string,
  headers: string[] = [],
  from?: string,
): Promise<RawWebSocket> {
  const raw = await connectRaw(port, from);
  raw.write(upgradeRequest(path, headers));
  await until(() => raw.received().includes('\r\n\r\n'), { what: `the upgrade of ${path.slice(0, 100)}` });
  let over = false;
  void raw.closed.then(() => (over = true));
  const everything = () => parseFrames(raw.received().subarray(raw.received().indexOf('\r\n\r\n') + 4));
  const frames = () => everything().frames;
  return {
    ...raw,
    everything,
    frames: () => frames().filter(({ opcode }) => opcode < 9),
    async told(type) {
      const find = () =>
        frames()
          .filter(({ opcode }) => opcode === 1)
          .map(({ payload }) => JSON.parse(payload.toString()) as Readonly<Record<string, unknown>>)
          .find((frame) => frame['type'] === type);
      return (await until(find, { what: `a frame of type ${type}` })) ?? {};
    },
    async ended(timeoutMs = 10_000) {
      await until(() => over, { timeoutMs, what: `the end of ${path}` });
      const close = frames().find(({ opcode }) => opcode === 8);
      return close && close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1006;
    },
  };
}

/** The bytes with which a client asks for a WebSocket. */
export function upgradeRequest(path: string, headers: string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: parlor',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The whole frames in these bytes, and how many bytes behind them are of one that is not whole. */
export function parseFrames(bytes: Buffer): { readonly frames: ReceivedFrame[]; readonly rest: number } {
  const frames: ReceivedFrame[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + head > bytes.length) break;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    if (at + head + length > bytes.length) break;
    const payload = bytes.subarray(at + head, at + head + length);
    frames.push({ opcode: (bytes[at] ?? 0) & 0x0f, payload, head: bytes.readUInt16BE(at) });
    at += head + length;
  }
  return { frames, rest: bytes.length - at };
}
