import { frameBytes, type FrameShape } from './raw.js';

/* The bytes of WebSocket frames under short names, for tables of them. */

/** One segment. */
export const together = (...frames: readonly Buffer[]): Buffer => Buffer.concat(frames);
export const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));
export const post = (text: string): string => JSON.stringify({ type: 'post', text });
/** A post whose frame holds so many bytes, with white space behind the JSON. */
export const postOf = (bytes: number): string => post('long').padEnd(bytes, ' ');
export const text = (payload: string | Buffer, shape: FrameShape = {}): Buffer => frameBytes(payload, shape);
export const first = (payload: string | Buffer, shape: FrameShape = {}): Buffer =>
  frameBytes(payload, { fin: false, ...shape });
export const more = (payload: string | Buffer): Buffer => frameBytes(payload, { opcode: 0, fin: false });
export const last = (payload: string | Buffer): Buffer => frameBytes(payload, { opcode: 0 });
export const binary = (payload: string, shape: FrameShape = {}): Buffer =>
  frameBytes(payload, { opcode: 2, ...shape });
export const close = (payload: string | Buffer = '', shape: FrameShape = {}): Buffer =>
  frameBytes(payload, { opcode: 8, ...shape });
export const ping = (payload: string | Buffer = '', shape: FrameShape = {}): Buffer =>
  frameBytes(payload, { opcode: 9, ...shape });
export const pong = (payload = '', shape: FrameShape = {}): Buffer =>
  frameBytes(payload, { opcode: 10, ...shape });

export function code(number: number, reason: string | Buffer = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(number);
  return Buffer.concat([head, Buffer.from(reason)]);
}

export function halves(bytes: Buffer, at: number): Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

/** A text whose bytes are JSON around these. */
export function around(...bytes: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from('{"type":"post","text":"a'), Buffer.from(bytes), Buffer.from('b"}')]);
}

/** The same bytes, a fragment each. */
export function scattered(bytes: Buffer): Buffer {
  const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
  return together(first(''), ...pieces.map(more), last(''));
}
