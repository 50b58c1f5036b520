export interface UploadLimits {
  /** How long the whole body may take to arrive, ms. */
  readonly bodyTimeoutMs: number;
  /** How long the body may pause, ms. */
  readonly bodyPauseMs: number;
  /** In how much time a body has to come to its end, or on by PACE_BYTES, ms. */
  readonly bodyPaceMs: number;
}

interface Upload {
  /** Whether the application does not read at the moment. */
  isPaused(): boolean;
  refuse(status: 400 | 408, detail: string): void;
}

/**
 * uWS reads a chunk extension (`c;a=b`, RFC 9112 section 7.1.1) as further digits of the chunk's size. It then treats the
 * end of the body as part of it and waits for bytes that never come. So if the bytes received end like a chunked body
 * and no more come within UNREADABLE_MS, the body is refused. In a body that really contains these bytes, more follow.
 */
const CHUNKS_END = Buffer.from('\r\n0\r\n\r\n');
const UNREADABLE_MS = 500;
const UNREADABLE =
  'the chunks of the body cannot be read: send it with a content-length, or without chunk extensions';

/**
 * uWS restarts its own timer of 8 to 12 s at every 160 KB of a body only, whatever trickles in between, and closes the connection
 * without an answer when it is over.
 */
const PACE_BYTES = 160 * 1024;

/** Watches over the time that a body takes to arrive. Refuses it if that is too long. */
export class UploadWatch {
  private wholeTimer: NodeJS.Timeout | undefined;
  private pauseTimer: NodeJS.Timeout | undefined;
  private paceTimer: NodeJS.Timeout | undefined;
  /** Bytes that have come since the timer of the pace was started. */
  private paced = 0;
  /** The bytes received so far end like a chunked body, although uWS waits for more. */
  private mayHaveEnded = false;

  constructor(
    private readonly limits: UploadLimits,
    private readonly upload: Upload,
  ) {}

  /** A piece of a chunked body has arrived. */
  chunked(bytes: Buffer): void {
    this.mayHaveEnded = bytes.subarray(-CHUNKS_END.length).equals(CHUNKS_END);
  }

  /**
   * `bytes` have come, and more will: starts the timer of the whole body, once, and restarts the timers of its next piece and
   * of its pace.
   */
  goOn(bytes: number): void {
    const { bodyTimeoutMs, bodyPauseMs } = this.limits;
    this.wholeTimer ??= setTimeout(
      () => this.upload.refuse(408, `the body took longer than ${bodyTimeoutMs} ms`),
      bodyTimeoutMs,
    ).unref();
    this.keepPace(bytes);
    if (this.pauseTimer) clearTimeout(this.pauseTimer);
    const ms = this.mayHaveEnded ? Math.min(UNREADABLE_MS, bodyPauseMs) : bodyPauseMs;
    this.pauseTimer = setTimeout(() => this.pausedTooLong(), ms).unref();
  }

  stop(): void {
    clearTimeout(this.wholeTimer);
    clearTimeout(this.pauseTimer);
    clearTimeout(this.paceTimer);
    this.wholeTimer = this.pauseTimer = this.paceTimer = undefined;
  }

  private keepPace(bytes: number): void {
    this.paced += bytes;
    if (this.paceTimer !== undefined && this.paced < PACE_BYTES) return;
    this.startPace();
  }

  private startPace(): void {
    clearTimeout(this.paceTimer);
    this.paced = 0;
    this.paceTimer = setTimeout(() => this.tooSlow(), this.limits.bodyPaceMs).unref();
  }

  private tooSlow(): void {
    if (this.upload.isPaused()) this.startPace();
    else this.upload.refuse(408, `the body came too slowly: not whole after ${this.limits.bodyPaceMs} ms`);
  }

  private pausedTooLong(): void {
    if (this.mayHaveEnded) this.upload.refuse(400, UNREADABLE);
    // It is the application that does not read, so the client is not to blame.
    else if (this.upload.isPaused()) this.goOn(0);
    else this.upload.refuse(408, `the body paused for more than ${this.limits.bodyPauseMs} ms`);
  }
}
