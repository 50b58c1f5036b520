import type { SocketHandler } from '../../adapters/uws/socket.js';
import type { ErrorCode } from '../../engine/errors.js';

/** Frames that a client may send before it is known who it is. They are answered afterwards, in their order. */
const FRAMES_MAX = 16;

/** A WebSocket whose token is being checked: keeps what its client sends meanwhile. */
export class Arrival implements SocketHandler {
  private frames: string[] = [];
  private isDone = false;

  /** `refuseSocket` ends the socket with this reason; `left` is called if its client goes before that. */
  constructor(
    private readonly refuseSocket: (code: ErrorCode, message: string) => void,
    private readonly left: () => void,
  ) {}

  /** Whether the socket is closed, or refused. */
  get isOver(): boolean {
    return this.isDone;
  }

  /** From now on somebody else decides about the socket: `left` is not called any more. */
  finish(): void {
    this.isDone = true;
  }

  frame(text: string): void {
    if (this.isDone) return;
    if (this.frames.length < FRAMES_MAX) this.frames.push(text);
    else this.end('rate_limited', 'too many frames before the welcome');
  }

  /** Hands over what has come. */
  passTo(handler: SocketHandler): void {
    const { frames } = this;
    this.frames = [];
    for (const text of frames) handler.frame(text);
  }

  refuse(code: ErrorCode, message: string): void {
    this.end(code, message);
  }

  end(code: ErrorCode, message: string): void {
    if (this.isDone) return;
    this.isDone = true;
    this.refuseSocket(code, message);
  }

  closed(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.left();
  }
}
