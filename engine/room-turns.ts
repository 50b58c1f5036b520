import type { Clock, Socket } from './ports.js';

/**
 * Rooms of one connection that are being joined at once. A node has 300 joins under way at once (`join-queue.ts`), and a
 * client with 500 rooms must not be all of them.
 */
const JOINS_AT_ONCE = 16;
/** Rooms of one connection whose missed messages are being read and sent at once. */
const PAGES_AT_ONCE = 4;
/** Missed messages wait at most so long for a room whose welcome does not come, ms. */
const HEADS_MS = 1_000;

interface Parts {
  readonly socket: Pick<Socket, 'backlog' | 'whenRead'>;
  readonly clock: Pick<Clock, 'after'>;
  /** While the client has more than this to read, nobody has a turn; bytes. */
  readonly most: number;
  /** Nobody waits or has a turn any more. */
  readonly idle: () => void;
}

/**
 * In which order the rooms of one connection come in. First all are joined and welcomed, so that the client soon knows how
 * far each has come. Then those in which it has missed something send it in turns, a page each. All of that is as fast as the
 * client reads.
 */
export class RoomTurns<R extends object> {
  private readonly toJoin = new Map<R, () => void>();
  private readonly joining = new Set<R>();
  private readonly toSend = new Map<R, () => void>();
  private readonly sending = new Set<R>();
  /** False: it has waited for welcomes for as long as it may. */
  private waitsForHeads = true;
  private cancel: (() => void) | null = null;
  /** Until the client has read it is not idle, or what is called then would meet its successor. */
  private waitsForReader = false;

  constructor(private readonly parts: Parts) {}

  /** Calls when it is this room's turn to be joined. Its turn lasts until `page` or `done`. */
  join(room: R, call: () => void): void {
    this.toJoin.set(room, call);
    this.pump();
  }

  /** Calls when it is this room's turn to send a page. Its turn lasts until it asks for the next one, or `done`. */
  page(room: R, call: () => void): void {
    this.joining.delete(room);
    this.sending.delete(room);
    this.toSend.set(room, call);
    this.pump();
  }

  /** This room is in, or is left: it needs no turn. */
  done(room: R): void {
    this.toJoin.delete(room);
    this.joining.delete(room);
    this.toSend.delete(room);
    this.sending.delete(room);
    this.pump();
  }

  stop(): void {
    for (const rooms of [this.toJoin, this.joining, this.toSend, this.sending]) rooms.clear();
    this.cancel?.();
  }

  private pump(): void {
    const { socket, most } = this.parts;
    if (this.toJoin.size + this.toSend.size > 0) {
      if (socket.backlog() > most) this.waitForReader();
      else this.give();
    }
    if (this.waitsForReader) return;
    if (this.toJoin.size + this.joining.size + this.toSend.size + this.sending.size > 0) return;
    this.stop();
    this.parts.idle();
  }

  private waitForReader(): void {
    const { socket, most } = this.parts;
    this.waitsForReader = true;
    const read = (): void => {
      this.waitsForReader = false;
      this.pump();
    };
    socket.whenRead(most, read, this);
  }

  private give(): void {
    begin(this.toJoin, this.joining, JOINS_AT_ONCE);
    if (this.toSend.size === 0) return;
    if (this.waitsForHeads && this.toJoin.size + this.joining.size > 0)
      this.cancel ??= this.parts.clock.after(HEADS_MS, () => {
        this.waitsForHeads = false;
        this.pump();
      });
    else begin(this.toSend, this.sending, PAGES_AT_ONCE);
  }
}

/** Gives turns to those that have waited longest. */
function begin<R>(waiting: Map<R, () => void>, having: Set<R>, most: number): void {
  for (const [room, call] of waiting) {
    if (having.size >= most) return;
    waiting.delete(room);
    having.add(room);
    call();
  }
}
