import { errorWithCode } from './errors.js';

/** A part of a body, or a whole one, ready for uWS. */
export type Chunk = string | Buffer;

/** @throws ERR_STREAM_NULL_VALUES or ERR_INVALID_ARG_TYPE for what is neither text nor bytes. */
export function toBytes(chunk: unknown, encoding: BufferEncoding | null | undefined): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding ?? 'utf8');
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk === null)
    throw errorWithCode(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
  throw errorWithCode(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'The "chunk" argument must be a string or a Uint8Array',
  );
}

/** The argument of `end`, undefined if there is none. UTF-8 stays text: mostly it is ASCII, which needs no copy. */
export function wholeBody(chunk: unknown, encoding: BufferEncoding | null | undefined): Chunk | undefined {
  if (chunk === undefined || chunk === null || chunk === '') return undefined;
  if (typeof chunk === 'string' && (!encoding || encoding === 'utf8' || encoding === 'utf-8')) {
    // uWS would send half a surrogate pair as it is, which is not UTF-8.
    return chunk.isWellFormed() ? chunk : chunk.toWellFormed();
  }
  return toBytes(chunk, encoding);
}
