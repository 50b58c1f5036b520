/**
 * Text as uWebSockets.js has to be given it, to be sent as UTF-8. Its binaries for Node 22 and newer take a string that V8
 * keeps with one byte a character as it lies in memory, which is Latin-1: `ü` would be sent as the byte FC (seen with
 * Node 24.22; its binary for Node 20 encodes it). ASCII is the same in both, and needs no copy.
 */
export function asUtf8(text: string): string | Buffer {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text);
}
