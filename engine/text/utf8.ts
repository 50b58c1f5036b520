import { isUtf8 } from 'node:buffer';

const BYTE_ORDER_MARK = 0xfeff;

/** Bytes as text, without a byte order mark in front; null where they are not UTF-8 (RFC 3629). */
export function fromUtf8(bytes: Uint8Array): string | null {
  if (!isUtf8(bytes)) return null;
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return withoutMark(buffer.toString('utf8'));
}

/** A text without a byte order mark in front, which whoever reads JSON may ignore (RFC 8259 section 8.1). */
export function withoutMark(text: string): string {
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}
