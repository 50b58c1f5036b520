import type { Clock, Log, Meter } from './ports.js';

/**
 * This many rooms are asserted at a time: a node with 100,000 rooms must not send all its assertions
 * together.
 */
const AT_ONCE = 64;
/** Pause before rooms that could not be asserted are tried again, ms. Doubled each time that they fail. */
const PAUSE = { first: 1_000, most: 5_000 };
/** Most rooms in the list: as many as a node keeps awake by default. */
const MOST = 200_000;
/**
 * An assertion without an answer counts as failed after this many ms, well above the time a reply may take.
 */
const LATE_MS = 30_000;

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** Asserts the seats of this node's connections in a room; calls `done` once, at any time. */
  readonly assert: (roomId: string, done: (ok: boolean) => void) => void;
}

/**
 * The rooms whose seats have to be asserted again, because a command about them was lost or may have been, or
 * because the room has another home now. One list for the node, with one timer, and each room is in it once:
 * so the work stays bounded, however much fails.
 */
export class Reassertions {
  private readonly due = new Set<string>();
  /** By room, what `done` ends: a later assertion replaces an earlier one, whose answer may be lost. */
  private readonly underWay = new Map<string, object>();
  private readonly failed = new Set<string>();
  private pauseMs = PAUSE.first;
  private pausing = false;
  private stopped = false;

  constructor(private readonly parts: Parts) {}

  /** Rooms that wait. */
  get size(): number {
    return this.due.size + this.failed.size;
  }

  mark(roomId: string): void {
    if (this.stopped) return;
    if (this.size >= MOST && !this.due.has(roomId)) {
      this.parts.meter.dropped('seat_assertion');
      this.parts.log.error({ room_id: roomId }, 'too many rooms wait for their seats to be asserted');
      return;
    }
    this.due.add(roomId);
    this.pump();
  }

  /** The same, where the answer to what is under way may have been lost. */
  markAnew(roomId: string): void {
    this.underWay.delete(roomId);
    this.mark(roomId);
  }

  stop(): void {
    this.stopped = true;
    this.due.clear();
    this.failed.clear();
  }

  private pump(): void {
    for (const roomId of this.due) {
      if (this.underWay.size >= AT_ONCE) return;
      if (this.underWay.has(roomId)) continue;
      this.due.delete(roomId);
      this.begin(roomId);
    }
  }

  private begin(roomId: string): void {
    const attempt = {};
    this.underWay.set(roomId, attempt);
    const done = (ok: boolean): void => {
      cancel();
      if (this.underWay.get(roomId) === attempt) this.ended(roomId, ok);
    };
    const cancel = this.parts.clock.after(LATE_MS, () => done(false));
    this.parts.assert(roomId, done);
  }

  private ended(roomId: string, ok: boolean): void {
    this.underWay.delete(roomId);
    if (this.stopped) return;
    if (ok) this.pauseMs = PAUSE.first;
    else {
      this.failed.add(roomId);
      this.tryLater();
    }
    this.pump();
  }

  private tryLater(): void {
    if (this.pausing) return;
    this.pausing = true;
    this.parts.clock.after(this.pauseMs, () => {
      this.pausing = false;
      for (const roomId of this.failed) this.due.add(roomId);
      this.failed.clear();
      this.pump();
    });
    this.pauseMs = Math.min(PAUSE.most, this.pauseMs * 2);
  }
}
