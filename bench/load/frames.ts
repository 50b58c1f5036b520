/**
 * A masked text frame (RFC 6455 section 5.2). The mask is zero: section 5.3 wants it unpredictable because of
 * proxies, there is none here, and so masking costs the generator nothing.
 */
export function textFrame(text: string): Buffer {
  return frame(OPCODES.text, Buffer.from(text));
}

export const OPCODES = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;

export function frame(opcode: number, payload: Buffer): Buffer {
  const extended = payload.length > 125;
  const head = Buffer.alloc(extended ? 8 : 6);
  head[0] = 0x80 | opcode;
  if (extended) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(payload.length, 2);
  } else head[1] = 0x80 | payload.length;
  return Buffer.concat([head, payload]);
}

/** The place in a stream of frames, from chunk to chunk. */
export interface FrameState {
  /** Bytes of the frame under way that are yet to be passed over; it counts when they have come. */
  skip: number;
  letter: number;
  /** The beginning of a frame that cannot be told yet, `held` bytes of it. */
  buffer: Buffer | null;
  held: number;
}

/** Who is told of the frames of a stream, and what of them. */
export interface FrameSink {
  /** Which byte of a payload tells what it is; it is 0 where the payload is shorter. */
  readonly letterAt: number;
  /** By letter: 1 if the payload is wanted. It always is of control frames. May change between frames. */
  readonly wanted: Uint8Array;
  /** A whole frame has come whose payload is not wanted. */
  onFrame(letter: number): void;
  /** A whole frame has come; its payload is in `bytes`, from `from` to before `to`, during this call only. */
  onPayload(opcode: number, letter: number, bytes: Buffer, from: number, to: number): void;
}

export function frameState(): FrameState {
  return { skip: 0, letter: 0, buffer: null, held: 0 };
}

const CONTROL = 8;
const SHORT_HEAD = 2;
const LONGEST_HEAD = 10;

/**
 * Reads the next `length` bytes of a stream. Frames that lie in one chunk as a whole, nearly all of them, cost a look
 * at their header and at one letter. Throws on a message in several frames, which no target sends.
 */
export function readFrames(state: FrameState, sink: FrameSink, chunk: Buffer, length: number): void {
  let at = 0;
  if (state.skip > 0) {
    if (state.skip > length) {
      state.skip -= length;
      return;
    }
    at = state.skip;
    state.skip = 0;
    sink.onFrame(state.letter);
  }
  if (state.held > 0) at = resume(state, sink, chunk, at, length);
  const { letterAt } = sink;
  while (at + SHORT_HEAD <= length) {
    const first = chunk[at] as number;
    let bytes = (chunk[at + 1] as number) & 0x7f;
    let from = at + SHORT_HEAD;
    if (bytes === 126) {
      from = at + 4;
      if (from > length) break;
      bytes = ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
    } else if (bytes === 127) {
      from = at + LONGEST_HEAD;
      if (from > length) break;
      bytes = chunk.readUInt32BE(at + 2) * 2 ** 32 + chunk.readUInt32BE(at + 6);
    }
    const to = from + bytes;
    let letter = 0;
    if (letterAt < bytes) {
      if (from + letterAt >= length) break;
      letter = chunk[from + letterAt] as number;
    }
    const opcode = first & 0x0f;
    if (first < 0x80 || opcode === OPCODES.continuation) throw new Error('a message in several frames');
    if (opcode >= CONTROL || sink.wanted[letter] === 1) {
      if (to > length) break;
      sink.onPayload(opcode, letter, chunk, from, to);
    } else if (to > length) {
      state.skip = to - length;
      state.letter = letter;
      return;
    } else sink.onFrame(letter);
    at = to;
  }
  if (at < length) hold(state, chunk, at, length, SMALL);
}

/** Room for the longest header and a letter. */
const SMALL = 64;

/** Takes [from, to) of the chunk to what is held; the buffer has room for `room` bytes at least. */
function hold(state: FrameState, chunk: Buffer, from: number, to: number, room: number): void {
  const wanted = Math.max(room, state.held + to - from);
  if (state.buffer === null || state.buffer.length < wanted) {
    const larger = Buffer.allocUnsafe(wanted);
    if (state.buffer) state.buffer.copy(larger, 0, 0, state.held);
    state.buffer = larger;
  }
  chunk.copy(state.buffer, state.held, from, to);
  state.held += to - from;
}

/** Goes on with the frame whose beginning is held; returns where in the chunk the next one begins. */
function resume(state: FrameState, sink: FrameSink, chunk: Buffer, start: number, length: number): number {
  let at = start;
  for (;;) {
    const missing = missingBytes(state, sink);
    if (missing > 0) {
      const step = Math.min(missing, length - at);
      hold(state, chunk, at, at + step, state.held + missing);
      at += step;
      if (step < missing) return at;
      continue;
    }
    const buffer = state.buffer as Buffer;
    const { held } = state;
    state.held = 0;
    state.buffer = null;
    // It is a frame's header and letter by now, and all of it if its payload is wanted.
    readFrames(state, sink, buffer, held);
    const passed = Math.min(state.skip, length - at);
    if (state.skip === 0) return at;
    state.skip -= passed;
    if (state.skip === 0) sink.onFrame(state.letter);
    return at + passed;
  }
}

/** How many bytes what is held lacks until it can be told; asked again when they have come. */
function missingBytes({ buffer, held }: FrameState, sink: FrameSink): number {
  if (buffer === null || held < SHORT_HEAD) return SHORT_HEAD - held;
  const short = (buffer[1] as number) & 0x7f;
  const head = short === 127 ? LONGEST_HEAD : short === 126 ? 4 : SHORT_HEAD;
  if (held < head) return head - held;
  const bytes =
    short === 127
      ? buffer.readUInt32BE(2) * 2 ** 32 + buffer.readUInt32BE(6)
      : short === 126
        ? buffer.readUInt16BE(2)
        : short;
  const { letterAt } = sink;
  const told = letterAt < bytes;
  const needed = head + (told ? letterAt + 1 : 0);
  if (held < needed) return needed - held;
  const letter = told ? (buffer[head + letterAt] as number) : 0;
  const control = ((buffer[0] as number) & 0x0f) >= CONTROL;
  return control || sink.wanted[letter] === 1 || !told ? Math.max(0, head + bytes - held) : 0;
}
