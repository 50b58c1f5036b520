import type { Clock } from '../../../engine/ports.js';

/** How often a node says that it lives, ms. */
export const BEAT_MS = 400;

/**
 * How long an answer proves, from when its question was sent, that this node is still the home of its rooms, ms. Less
 * than the broker's least patience: with the shortest heartbeat, 1 s, it gives a connection up 2 s after the last byte
 * that it got (see HEARTBEAT_S), and that byte is not older than the question. Long enough for a garbage collection.
 */
export const LEASE_MS = 1_500;

/** After so many regular beats without a word that came back the link is given up: 3.2 s, before the broker does it. */
const SILENT_BEATS = 8;

interface Sent {
  readonly number: number;
  readonly elapsed: number;
  readonly now: number;
}

/**
 * Whether what this node sends comes back to it: its own words by way of `parlor.nodes` (see `nodes.ts`), or answers on
 * the connection that consumes (see `lease.ts`). So whether that way and its own process are alive.
 */
export class Pulse {
  private readonly open: Sent[] = [];
  private proof: Sent | null = null;
  private number = 0;
  private back = 0;
  private silent = 0;
  private lastBeat = 0;
  /** When the last word that came back was sent, over all links; monotonic, ms. */
  private heardAt: number;

  constructor(private readonly clock: Clock) {
    this.heardAt = clock.elapsed();
  }

  /** A new link: nothing has come back over it. */
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

  /** Something is sent that will come back; returns its number. */
  sent(): number {
    const sent = { number: ++this.number, elapsed: this.clock.elapsed(), now: this.clock.now() };
    this.open.push(sent);
    // One that is older proves nothing any more.
    if (this.open.length > SILENT_BEATS) this.open.shift();
    return sent.number;
  }

  /** It has come back. False: others before it have not, so they were lost, and what was sent beside them may be, too. */
  returned(number: number): boolean {
    const isNext = number <= this.back + 1;
    this.back = Math.max(this.back, number);
    while (this.open[0] && this.open[0].number <= number) this.proof = this.open.shift() ?? null;
    this.heardAt = this.proof?.elapsed ?? this.heardAt;
    this.silent = 0;
    return isNext;
  }

  /** For how long others may have heard nothing of this node, ms. */
  get silentMs(): number {
    return this.clock.elapsed() - this.heardAt;
  }

  /** Called every BEAT_MS. False: the link is silent although this process was running all the time. */
  beat(): boolean {
    const now = this.clock.elapsed();
    // After a pause of the process, words may be there that only have to be read.
    this.silent = now - this.lastBeat > 2 * BEAT_MS ? 0 : this.silent + 1;
    this.lastBeat = now;
    return this.silent < SILENT_BEATS;
  }

  /** The broker has said that it reads nothing now. */
  rest(): void {
    this.silent = 0;
    this.lastBeat = this.clock.elapsed();
  }

  /**
   * The later of both clocks counts: the monotonic one stands still while a virtual machine is suspended, and the wall
   * clock can be set back.
   */
  get isCurrent(): boolean {
    const { proof, clock } = this;
    if (proof === null) return false;
    return Math.max(clock.elapsed() - proof.elapsed, clock.now() - proof.now) < LEASE_MS;
  }
}
