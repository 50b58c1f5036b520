import { isUtf8 } from 'node:buffer';

const BYTE_ORDER_MARK = 0xfeff;

/** What stands in a decoded text for bytes that are not UTF-8, unless it was sent itself. */
const REPLACEMENT = '\ufffd';

/** Bytes as text, without a byte order mark in front; null where they are not UTF-8 (RFC 3629). */
export function fromUtf8(bytes: Uint8Array): string | null {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  // Looking into the text first is cheaper than looking at the bytes first: nearly none holds this character.
  if (text.includes(REPLACEMENT) && !isUtf8(bytes)) return null;
  return withoutMark(text);
}

/** A text without a byte order mark in front, which whoever reads JSON may ignore (RFC 8259 section 8.1). */
export function withoutMark(text: string): string {
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}
