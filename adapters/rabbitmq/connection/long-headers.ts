import type { ChannelModel } from 'amqplib';

/** What amqplib's connection has, and its types do not: the bytes that are not read yet, and the reading of a frame. */
interface FrameReader {
  rest: Buffer;
  recvFrame(): unknown;
}

/**
 * Headers that are longer are not read, bytes. amqplib reads tables in tables by recursion: from about 2,500 levels on, 18 KB, it
 * runs out of stack and ends the connection. The message would be delivered to the next node, and end that connection, and so on
 * for ever. What Parlor reads of headers is far shorter.
 */
export const HEADERS_LIMIT = 8_192;

/** The only header of a message whose headers were too long. */
export const CUT_HEADER = 'x-parlor-headers-cut';

/** A table with CUT_HEADER and no value (type `V`), behind its length (AMQP 0-9-1, section 4.2.5.5). */
const CUT_TABLE = tableOf(CUT_HEADER);

function tableOf(name: string): Buffer {
  const entry = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from('V')]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(entry.length);
  return Buffer.concat([length, entry]);
}

/** From now on, messages that come over this connection have headers of at most HEADERS_LIMIT bytes: longer ones are CUT_HEADER. */
export function cutLongHeaders(model: ChannelModel): void {
  const connection = model.connection as unknown as FrameReader;
  const read = connection.recvFrame.bind(connection);
  connection.recvFrame = () => {
    const cut = withoutLongHeaders(connection.rest);
    if (cut !== null) connection.rest = cut;
    return read();
  };
}

/** A frame: type (1), channel (2), size (4), that many bytes, end (1) (AMQP 0-9-1, section 4.2.3). */
const FRAME = { header: 2, head: 7, end: 1 } as const;
/** A content header: class (2), weight (2), size of the body (8), flags (2), and the properties by their flags (section 4.2.6). */
const FLAGS_AT = FRAME.head + 12;
/** `content-type` and `content-encoding` are short strings, which stand before the headers. */
const BEFORE = [0x8000, 0x4000];
const HAS_HEADERS = 0x2000;

/** These bytes, whose first frame has headers that are too long, with CUT_TABLE in their place; null: they are fine, or not all here. */
function withoutLongHeaders(bytes: Buffer): Buffer | null {
  // Nearly all calls end here.
  if (bytes.length < FRAME.head || bytes[0] !== FRAME.header) return null;
  const size = bytes.readUInt32BE(3);
  const end = FRAME.head + size;
  if (size <= HEADERS_LIMIT || bytes.length < end + FRAME.end) return null;
  const flags = bytes.readUInt16BE(FLAGS_AT);
  if ((flags & HAS_HEADERS) === 0) return null;
  let at = FLAGS_AT + 2;
  for (const flag of BEFORE) if ((flags & flag) !== 0) at += 1 + bytes.readUInt8(at);
  const length = bytes.readUInt32BE(at);
  const after = at + 4 + length;
  if (length <= HEADERS_LIMIT || after > end) return null;
  const cut = Buffer.concat([bytes.subarray(0, at), CUT_TABLE, bytes.subarray(after)]);
  cut.writeUInt32BE(size - (4 + length) + CUT_TABLE.length, 3);
  return cut;
}
