import type { Clock, Log, Meter } from './ports.js';

/** Rooms whose seats are asserted at once: a node with 100,000 rooms must not say everything in one breath. */
const AT_ONCE = 64;
/** Pause before rooms are tried again that could not be asserted, ms: doubled while it does not help. */
const PAUSE = { first: 1_000, most: 5_000 };
/** Rooms in the list; as many as a node has awake by default. */
const MOST = 200_000;
/** An assertion that has not ended by then counts as failed, ms; well above what a reply may take. */
const LATE_MS = 30_000;

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** Asserts the seats of this node's connections in a room; calls `done` once, at any time. */
  readonly assert: (roomId: string, done: (ok: boolean) => void) => void;
}

/**
 * The rooms whose seats have to be asserted (again): something that was said of them did not get through, or may not
 * have, or the room has another home now. One list per node with one timer, however much fails: a room is in it once.
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
