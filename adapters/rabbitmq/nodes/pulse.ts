import type { Clock } from '../../../engine/ports.js';

/** The interval of a node's beats, ms. */
export const BEAT_MS = 400;

/**
 * How long an answer proves that this node is still the home of its rooms, from when its question was sent, ms. It is less
 * than the shortest time after which the broker gives up a connection: with a heartbeat of 1 s that is 2 s after the last
 * byte that it received (see HEARTBEAT_S), which is not older than the question. It is long enough for a garbage collection.
 */
export const LEASE_MS = 1_500;

/** The link is given up if nothing comes back for this many regular beats: 3.2 s, before the broker gives it up. */
const SILENT_BEATS = 8;

interface Sent {
  readonly number: number;
  readonly elapsed: number;
  readonly now: number;
}

/**
 * Watches whether what this node sends comes back to it: its own messages through `parlor.nodes` (see `nodes.ts`), or
 * answers on the consuming connection (see `lease.ts`). That shows whether the link and the process work.
 */
export class Pulse {
  private readonly open: Sent[] = [];
  private proof: Sent | null = null;
  private number = 0;
  private back = 0;
  private silent = 0;
  private lastBeat = 0;
  /** When the last message that has come back was sent, over all links; monotonic, ms. */
  private heardAt: number;

  constructor(private readonly clock: Clock) {
    this.heardAt = clock.elapsed();
  }

  /** There is a new link, over which nothing has come back yet. */
  begin(): void {
    this.end();
    this.back = this.number;
    this.lastBeat = this.clock.elapsed();
  }

  /** The link is gone. */
  end(): void {
    this.open.length = 0;
    this.proof = null;
    this.silent = 0;
  }

  /** A message is being sent that will come back; returns its number. */
  sent(): number {
    const sent = { number: ++this.number, elapsed: this.clock.elapsed(), now: this.clock.now() };
    this.open.push(sent);
    // Older ones prove nothing any more.
    if (this.open.length > SILENT_BEATS) this.open.shift();
    return sent.number;
  }

  /** A message has come back. False if an earlier one has not: it was lost, and perhaps others at that time, too. */
  returned(number: number): boolean {
    const isNext = number <= this.back + 1;
    this.back = Math.max(this.back, number);
    while (this.open[0] && this.open[0].number <= number) this.proof = this.open.shift() ?? null;
    this.heardAt = this.proof?.elapsed ?? this.heardAt;
    this.silent = 0;
    return isNext;
  }

  /** For how long the others may have received nothing from this node, ms. */
  get silentMs(): number {
    return this.clock.elapsed() - this.heardAt;
  }

  /** Called every BEAT_MS. False: the link is silent although this process was running all the time. */
  beat(): boolean {
    const now = this.clock.elapsed();
    // After a pause of the process, messages may have arrived that only have to be read.
    this.silent = now - this.lastBeat > 2 * BEAT_MS ? 0 : this.silent + 1;
    this.lastBeat = now;
    return this.silent < SILENT_BEATS;
  }

  /** The broker has blocked publishing. */
  rest(): void {
    this.silent = 0;
    this.lastBeat = this.clock.elapsed();
  }

  /**
   * The clock that has advanced more counts: the monotonic one stands still while a virtual machine is suspended, and the
   * wall clock can be set back.
   */
  get isCurrent(): boolean {
    const { proof, clock } = this;
    if (proof === null) return false;
    return Math.max(clock.elapsed() - proof.elapsed, clock.now() - proof.now) < LEASE_MS;
  }
}
