import { type HttpResponse } from 'uWebSockets.js';

/** uWS is given pieces of this size. While the client does not read, at most one of them waits in uWS. */
const PIECE_BYTES = 64 * 1024;

/** What happens to a body. */
export interface BodyEvents {
  /** After {@link BodyWriter.write} has returned false: uWS has taken everything that was written. */
  drained(): void;
  /** uWS has taken the last byte: the native response must not be used any more. */
  done(): void;
  /** The body ended before the announced length. The answer cannot be completed. */
  tooShort(): void;
}

/**
 * Streams one body into uWS, as fast as the client reads it.
 *
 * Never drops and never reorders. What uWS does not take stays here, so a slow client costs `pending` bytes besides the
 * kernel's buffer and one piece in uWS. Use it only until the native response is answered or aborted.
 */
export class BodyWriter {
  /** Bytes accepted from the application and not yet given to uWS. */
  pending = 0;
  /** The size of the piece, bytes, of which uWS still holds something; 0: it holds nothing. */
  private held = 0;
  private readonly queue: Buffer[] = [];
  private blocked = false;
  private listening = false;
  private ending = false;
  private finished = false;
  private drainedSent = true;
  private offset = 0;

  /**
   * `total` is the announced content-length in bytes, undefined for chunks. `begin` writes the head; it is
   * called corked, before the first byte. `readsNoMore`: stop reading from the connection at the last byte.
   */
  constructor(
    private readonly native: HttpResponse,
    private readonly total: number | undefined,
    private begin: (() => void) | undefined,
    private readonly events: BodyEvents,
    private readonly readsNoMore = false,
  ) {}

  /** Bytes that the client may not have been sent: those of `pending`, and at most one piece that uWS holds. */
  get backlog(): number {
    return this.pending + this.held;
  }

  /** False: wait for `drained` before writing more. The bytes are accepted either way. */
  write(chunk: Buffer): boolean {
    this.enqueue(chunk);
    if (!this.blocked) this.native.cork(() => this.pump());
    const taken = this.pending === 0 && !this.blocked;
    if (!taken) this.drainedSent = false;
    return taken;
  }

  /** Ends the body, with one last chunk. `done` comes when uWS has taken everything, possibly at once. */
  end(chunk?: Buffer): void {
    if (chunk) this.enqueue(chunk);
    this.ending = true;
    if (!this.blocked) this.native.cork(() => this.pump());
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
      if (this.blocked) this.held = piece.length;
    }
    if (this.queue.length > 0 || !this.ending) return;
    // A blocked write makes uWS resume reading, so the pause has to wait until nothing is blocked.
    if (this.readsNoMore && this.blocked) return;
    if (this.readsNoMore) this.native.pause();
    // If uWS still holds bytes, it sends the terminator behind them, and closes the connection only after that.
    this.blocked = false;
    this.finish(() => this.native.end());
  }

  private pumpFixed(total: number): void {
    while (!this.blocked) {
      const piece = this.queue[0];
      if (piece === undefined) break;
      if (this.readsNoMore && this.offset + piece.length >= total) {
        // To uWS the answer is over with its last byte, even if the upload is not.
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
    // Older versions of uWS do not send what they hold before the next write. An empty cork makes them.
    if (this.queue.length === 0) this.native.cork(() => undefined);
    this.blocked = false;
    this.held = 0;
    this.pump();
    if (!this.blocked && !this.finished && !this.drainedSent) {
      this.drainedSent = true;
      this.events.drained();
    }
    return true;
  }
}
