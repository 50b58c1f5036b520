/** The part of a socket that the heartbeat works with. */
export interface Beating {
  /** The beat in which something last came from the client. */
  lastBeat: number;
  /** Where the heartbeat keeps it. */
  slot: number;
  ping(): void;
  /** Nothing has come for too long: ends the connection without a word, since nobody listens. */
  endSilent(): void;
}

export interface HeartbeatOptions {
  /** Each socket is pinged once in this time, and at least twice in `silenceS`; s. */
  readonly pingS: number;
  /** A socket from which nothing came for this time is ended when its next ping is due; s. */
  readonly silenceS: number;
}

/** Each beat pings a part of the sockets. With 100,000 of them and a ping every 25 s these are 1,000, some milliseconds. */
export const BEAT_MS = 250;
/** A beat this late means that the process was suspended or very busy, ms. */
const LATE_MS = 2 * BEAT_MS;

/**
 * Pings all sockets of a server in turns, and ends those that are silent. uWebSockets.js could do this by itself, but it
 * pings 16 s before it ends a connection and not sooner, so `SILENCE_S` could not be longer than what proxies tolerate.
 *
 * Silence is counted in beats and not in time: while the process is suspended there are none, and nobody becomes silent.
 * One timer serves all sockets, and runs only while there are any.
 */
export class Heartbeat {
  /** The number of this beat; sockets note it when something comes. */
  now = 0;
  private readonly slots: Set<Beating>[];
  private readonly tolerated: number;
  private sockets = 0;
  /** Where the next newcomer goes: in turns, so that those who come together are not pinged together. */
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

  /** Harmless if it is not there any more. */
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
    // What clients sent meanwhile may still wait in their sockets, a pong too: so nobody is ended now.
    const isLate = at - this.dueAt > LATE_MS;
    this.dueAt = at + BEAT_MS;
    this.now++;
    for (const socket of this.slots[this.now % this.slots.length] ?? []) {
      if (!isLate && this.now - socket.lastBeat >= this.tolerated) socket.endSilent();
      else socket.ping();
    }
  }
}
