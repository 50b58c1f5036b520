/** What the heartbeat needs of a socket. */
export interface Beating {
  /** The beat in which the client last sent something. */
  lastBeat: number;
  /** The heartbeat's own: the slot in which it keeps the socket. */
  slot: number;
  ping(): void;
  /** The client was silent for too long: closes the connection without a close frame, since nobody would read it. */
  endSilent(): void;
}

export interface HeartbeatOptions {
  /** Each socket is pinged once in this time, and at least twice in `silenceS`; s. */
  readonly pingS: number;
  /** A socket whose client was silent for this time is closed when its next ping is due; s. */
  readonly silenceS: number;
}

/** Each beat pings one slot of sockets. With 100,000 sockets and a ping every 25 s that is 1,000 pings, some milliseconds. */
export const BEAT_MS = 250;
/** A beat this late means that the process was suspended or very busy, ms. */
const LATE_MS = 2 * BEAT_MS;

/**
 * Pings all sockets of a server in turn, and closes those that are silent. uWebSockets.js could do this by itself, but it
 * pings no sooner than 16 s before it closes a connection. Proxies cut connections that are quiet for 60 s, so silence
 * could not be tolerated for longer than that.
 *
 * Silence is counted in beats, not in seconds: a suspended process has no beats, so nobody becomes silent meanwhile. One
 * timer serves all sockets, and runs only while there are any.
 */
export class Heartbeat {
  /** The number of the current beat. Sockets store it when their client sends something. */
  now = 0;
  private readonly slots: Set<Beating>[];
  /** Beats of silence after which a socket is closed. */
  private readonly tolerated: number;
  private sockets = 0;
  /** The slot of the next new socket. Slots take turns, so that sockets opened together are not pinged together. */
  private next = 0;
  private timer: NodeJS.Timeout | null = null;
  private dueAt = 0;

  constructor({ pingS, silenceS }: HeartbeatOptions) {
    const beats = Math.max(1, Math.floor((Math.min(pingS, silenceS / 2) * 1000) / BEAT_MS));
    this.slots = Array.from({ length: beats }, () => new Set<Beating>());
    this.tolerated = Math.ceil((silenceS * 1000) / BEAT_MS);
  }

  add(socket: Beating): void {
    socket.lastBeat = this.now;
    socket.slot = this.next;
    this.slots[this.next]?.add(socket);
    this.next = (this.next + 1) % this.slots.length;
    this.sockets++;
    if (this.timer === null) this.start();
  }

  /** Harmless if it was removed before. */
  remove(socket: Beating): void {
    if (!this.slots[socket.slot]?.delete(socket)) return;
    this.sockets--;
    if (this.sockets > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private start(): void {
    this.dueAt = performance.now() + BEAT_MS;
    this.timer = setInterval(() => this.beat(performance.now()), BEAT_MS);
    this.timer.unref();
  }

  /** One beat, at this time (ms, monotonic). */
  beat(at: number): void {
    // What clients sent meanwhile, pongs too, may still wait in the kernel: so nobody is closed in this beat.
    const isLate = at - this.dueAt > LATE_MS;
    this.dueAt = at + BEAT_MS;
    this.now++;
    for (const socket of this.slots[this.now % this.slots.length] ?? []) {
      if (!isLate && this.now - socket.lastBeat >= this.tolerated) socket.endSilent();
      else socket.ping();
    }
  }
}
