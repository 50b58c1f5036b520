import { type HttpResponse } from 'uWebSockets.js';

/** How much is given to uWS at once: while the client does not read, no more than one such piece piles up in it. */
const PIECE_BYTES = 64 * 1024;

/** What a body writer tells its response. */
export interface BodyEvents {
  /** Everything written so far was taken after {@link BodyWriter.write} had answered false. */
  drained(): void;
  /** uWS took the last byte: the native response may not be touched any more. */
  done(): void;
  /** The body ended before the announced length. The answer cannot be completed. */
  tooShort(): void;
}

/**
 * Streams one body into uWS, as fast as the client takes it.
 *
 * Never drops and never reorders. What uWS does not take stays here, so `pending` is what a slow client costs
 * besides the kernel's buffer and one piece in uWS. Call it only while the native response is alive.
 */
export class BodyWriter {
  /** Bytes accepted from the application and not yet given to uWS. */
  pending = 0;
  private readonly queue: Buffer[] = [];
  private blocked = false;
  private listening = false;
  private ending = false;
  private finished = false;
  private told = true;
  private offset = 0;

  /**
   * `total` is the announced content-length in bytes, undefined for chunks. `begin` writes the head; it runs
   * corked, before the first byte. `readsNoMore`: the connection is not read any more from the last byte on.
   */
  constructor(
    private readonly native: HttpResponse,
    private readonly total: number | undefined,
    private begin: (() => void) | undefined,
    private readonly events: BodyEvents,
    private readonly readsNoMore = false,
  ) {}

  /** False: wait for `drained` before writing more. The bytes are accepted either way. */
  write(chunk: Buffer): boolean {
    this.enqueue(chunk);
    if (!this.blocked) this.native.cork(() => this.pump());
    const taken = this.pending === 0 && !this.blocked;
    if (!taken) this.told = false;
    return taken;
  }

  /** Ends the body, with one last chunk. `done` comes when uWS has taken everything, possibly at once. */
  end(chunk?: Buffer): void {
    if (chunk) this.enqueue(chunk);
    this.ending = true;
    if (!this.blocked) this.native.cork(() => this.pump());
  }

  /** Sends the head now, where uWS can: a chunked one waits for its first chunk. */
  flushHead(): void {
    if (this.total === undefined || this.total === 0) return;
    this.native.cork(() => {
      this.start();
      this.native.tryEnd('', this.total ?? 0);
    });
  }

  private enqueue(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES)
      this.queue.push(chunk.subarray(at, at + PIECE_BYTES));
    this.pending += chunk.length;
  }

  private start(): void {
    this.begin?.();
    this.begin = undefined;
  }

  private pump(): void {
    this.start();
    if (this.total === undefined) this.pumpChunks();
    else this.pumpFixed(this.total);
    if (this.blocked) this.listen();
  }

  private pumpChunks(): void {
    while (!this.blocked) {
      const piece = this.next();
      if (piece === undefined) break;
      this.blocked = !this.native.write(piece);
    }
    if (this.queue.length > 0 || !this.ending) return;
    // A write that uWS could not finish makes it read again: this one can be finished, once it holds nothing.
    if (this.readsNoMore && this.blocked) return;
    if (this.readsNoMore) this.native.pause();
    // The terminator may join a pile that uWS still holds: it sends both, and closes only after that if it should.
    this.blocked = false;
    this.finish(() => this.native.end());
  }

  private pumpFixed(total: number): void {
    while (!this.blocked) {
      const piece = this.queue[0];
      if (piece === undefined) break;
      if (this.readsNoMore && this.offset + piece.length >= total) {
        // With the last byte the answer is over for uWS, whatever is still being uploaded.
        if (!this.ending) break;
        this.native.pause();
      }
      const [ok, responded] = this.native.tryEnd(piece, total);
      if (responded) {
        this.queue.length = 0;
        this.pending = 0;
        this.finish();
        return;
      }
      const taken = ok ? piece.length : this.native.getWriteOffset() - this.offset;
      this.offset += taken;
      this.pending -= taken;
      if (taken === piece.length) this.queue.shift();
      else this.queue[0] = piece.subarray(taken);
      this.blocked = !ok;
    }
    if (this.ending && this.queue.length === 0) {
      this.blocked = false;
      this.finished = true;
      this.events.tooShort();
    }
  }

  private next(): Buffer | undefined {
    const piece = this.queue.shift();
    if (piece) this.pending -= piece.length;
    return piece;
  }

  private finish(last?: () => void): void {
    if (this.finished) return;
    this.finished = true;
    last?.();
    this.events.done();
  }

  private listen(): void {
    if (this.listening) return;
    this.listening = true;
    this.native.onWritable(() => this.writable());
  }

  private writable(): boolean {
    if (this.finished) return true;
    // With a listener, older uWS leaves what it holds for the next write: an empty cork sends it.
    if (this.queue.length === 0) this.native.cork(() => undefined);
    this.blocked = false;
    this.pump();
    if (!this.blocked && !this.finished && !this.told) {
      this.told = true;
      this.events.drained();
    }
    return true;
  }
}
