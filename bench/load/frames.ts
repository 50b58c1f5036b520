/**
 * A masked text frame (RFC 6455 section 5.2). The mask is zero: section 5.3 wants it unpredictable because of
 * proxies, there is none here, and so masking costs the generator nothing.
 */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const extended = payload.length > 125;
  const head = Buffer.alloc(extended ? 8 : 6);
  head[0] = 0x81;
  if (extended) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(payload.length, 2);
  } else head[1] = 0x80 | payload.length;
  return Buffer.concat([head, payload]);
}

/** Called for each frame a server sent: its opcode, the bytes of its payload, and one byte of that, if asked for. */
export type OnFrame = (opcode: number, bytes: number, letter: number) => void;

/**
 * Counts the frames in a stream of bytes and looks at one byte of each payload at most: the one at `letterAt`, 0
 * where a payload is shorter or none was asked for. Keeps its place between chunks; the chunk may be reused by the
 * caller afterwards.
 */
export function createFrameCounter(
  onFrame: OnFrame,
  letterAt?: number,
): (chunk: Uint8Array, length: number) => void {
  let skip = 0;
  /** Bytes of the header read so far, and what they say: opcode, wanted length of the header, payload length. */
  let read = 0;
  let opcode = 0;
  let wanted = 2;
  let bytes = 0;
  /** The header has been read, and the letter comes after `skip` bytes. */
  let letterDue = false;
  return (chunk, length) => {
    let at = 0;
    while (at < length) {
      if (skip > 0) {
        const step = Math.min(skip, length - at);
        skip -= step;
        at += step;
        continue;
      }
      const byte = chunk[at++] ?? 0;
      if (letterDue) {
        letterDue = false;
        skip = bytes - (letterAt ?? 0) - 1;
        onFrame(opcode, bytes, byte);
        continue;
      }
      read++;
      if (read === 1) opcode = byte & 0x0f;
      else if (read === 2) {
        const short = byte & 0x7f;
        wanted = short === 127 ? 10 : short === 126 ? 4 : 2;
        bytes = short < 126 ? short : 0;
      } else bytes = bytes * 256 + byte;
      if (read < 2 || read < wanted) continue;
      read = 0;
      wanted = 2;
      if (letterAt !== undefined && bytes > letterAt) {
        letterDue = true;
        skip = letterAt;
      } else {
        skip = bytes;
        onFrame(opcode, bytes, 0);
      }
    }
  };
}
