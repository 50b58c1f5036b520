import type { WebSocket } from 'uWebSockets.js';
import { asUtf8 } from '../http/utf8.js';

type Corkable = Pick<WebSocket<unknown>, 'send' | 'cork'>;

/** uWebSockets.js: `send` answers 2 when the frame was dropped because the client does not read. */
const DROPPED = 2;
/** uWebSockets.js gathers 16 KiB; what does not fit, and each frame after it, costs a system call of its own. */
const CORK_BYTES = 15 * 1024;
/** The longest header of a frame that a server sends (RFC 6455 section 5.2). */
const HEADER_BYTES = 10;
const NONE: readonly string[] = [];

/**
 * Writes frames to a socket in as few system calls as possible. One object serves all sockets of a server, one after the
 * other: a closure for each write would be garbage at once.
 */
export class CorkedWriter {
  private ws: Corkable | null = null;
  private frames = NONE;
  private next = 0;
  private dropped = false;
  /** The last frame, and the last one that came twice in a row, with its bytes. */
  private last = '';
  private repeated = '';
  private repeatedBytes = Buffer.alloc(0);
  private readonly sendSome = (): void => {
    let bytes = 0;
    while (this.next < this.frames.length) {
      const frame = this.frames[this.next] ?? '';
      const isFirst = bytes === 0;
      bytes += frame.length + HEADER_BYTES;
      if (bytes > CORK_BYTES && !isFirst) return;
      this.next++;
      if (this.ws?.send(this.bytesOf(frame)) !== DROPPED) continue;
      // Nothing may follow a dropped frame: the client would not notice the gap.
      this.dropped = true;
      this.next = this.frames.length;
    }
  };

  /** Writes the frames in their order. False if one was dropped; those behind it are not sent then. */
  write(ws: Corkable, frames: readonly string[]): boolean {
    this.ws = ws;
    this.frames = frames;
    this.next = 0;
    this.dropped = false;
    while (this.next < frames.length) ws.cork(this.sendSome);
    this.ws = null;
    this.frames = NONE;
    return !this.dropped;
  }

  /**
   * A frame as it is to be sent. Refusals come in floods, and all without an id are the same: bytes need not be made of it again
   * each time, as of a string.
   */
  private bytesOf(frame: string): string | Buffer {
    if (frame === this.repeated) return this.repeatedBytes;
    if (frame !== this.last) {
      this.last = frame;
      return asUtf8(frame);
    }
    this.repeated = frame;
    this.repeatedBytes = Buffer.from(frame);
    return this.repeatedBytes;
  }
}
