import type { TemplatedApp } from 'uWebSockets.js';
import type { Outlet } from '../../engine/ports.js';

/** A socket with frames that wait to be sent. */
export interface Sender {
  /** Hands them to uWebSockets.js, in one write; harmless if there are none. */
  write(): void;
}

/**
 * How long what goes out waits for more to go with it, since what decides how much a busy room delivers is how many
 * messages share one write to each socket. A turn of the event loop in which nothing happens takes microseconds, so an
 * idle room does not notice; where a flush takes milliseconds, waiting for a part of that is repaid.
 */
export interface GatherRule {
  /** Turns of the event loop that are waited in any case. */
  readonly least: number;
  /** Turns that are waited at most, … */
  readonly most: number;
  /** … and only as long as this part of the time that the last flush took. */
  readonly share: number;
}

/** Found by trying: the scenario `gathering` shows it beside others. */
const GATHER: GatherRule = { least: 2, most: 24, share: 0.5 };
/** How many turns a frame waits for another one to the same socket that is known to be on its way. */
const ALONG_TURNS = 32;
/** How many turns a frame for one socket waits for others to it. */
const SOON_TURNS = 4;

/**
 * What is on its way out: frames gather for some turns of the event loop and then go together. Those of a topic as the
 * rule has it; those of one socket for a fixed number of turns, so that a room of few waits for nobody.
 */
export class GatheredOutlet implements Outlet {
  private topics: string[] = [];
  private frames: string[] = [];
  private readonly soon = new Waiting();
  private readonly along = new Waiting();
  private now = 0;
  /** The turn in which the first of what waits now came, and the time of it. */
  private since = 0;
  private sinceMs = 0;
  private gathering = false;
  /** The last flush: the turn after it begins when uWebSockets.js has written everything. */
  private flushedAt = 0;
  private flushMs = 0;
  private running = false;
  private readonly nextTurn = (): void => this.turn();

  constructor(
    private readonly app: Pick<TemplatedApp, 'publish'>,
    readonly bufferBytes: number,
    private readonly rule = GATHER,
  ) {}

  publish(topic: string, frame: string): void {
    this.topics.push(topic);
    this.frames.push(frame);
    this.gather();
  }

  /** Has `sender` write in some turns. */
  writeSoon(sender: Sender): void {
    this.soon.add(sender, this.now);
    this.run();
  }

  /** Has `sender` write in some more turns, if it has not until then. */
  writeLater(sender: Sender): void {
    this.along.add(sender, this.now);
    this.run();
  }

  /** Hands what was published to uWebSockets.js: what is sent or subscribed after this comes behind it. */
  publishGathered(): void {
    const { topics, frames, app } = this;
    if (topics.length === 0) return;
    this.topics = [];
    this.frames = [];
    for (let i = 0; i < topics.length; i++) app.publish(topics[i] ?? '', frames[i] ?? '');
  }

  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    this.since = this.now;
    this.sinceMs = performance.now();
    this.run();
  }

  private run(): void {
    if (this.running) return;
    this.running = true;
    setImmediate(this.nextTurn);
  }

  private turn(): void {
    this.now++;
    this.running = false;
    if (this.flushedAt > 0) {
      this.flushMs = performance.now() - this.flushedAt;
      this.flushedAt = 0;
    }
    if (this.gathering && this.isTime()) {
      this.gathering = false;
      // Somebody who was sent something may have had it published before: that was no flush, and says nothing of one.
      if (this.topics.length > 0) {
        this.flushedAt = performance.now();
        this.publishGathered();
      }
    }
    this.soon.write(this.now - SOON_TURNS);
    this.along.write(this.now - ALONG_TURNS);
    if (this.gathering || this.flushedAt > 0 || !this.soon.isEmpty || !this.along.isEmpty) this.run();
  }

  private isTime(): boolean {
    const { least, most, share } = this.rule;
    const turns = this.now - this.since;
    if (turns < least) return false;
    return turns >= most || performance.now() - this.sinceMs >= this.flushMs * share;
  }
}

/** Senders in the order in which they came. */
class Waiting {
  private senders: Sender[] = [];
  /** The turn in which each of them came. */
  private since: number[] = [];
  private first = 0;

  get isEmpty(): boolean {
    return this.first === this.senders.length;
  }

  add(sender: Sender, now: number): void {
    this.senders.push(sender);
    this.since.push(now);
  }

  /** Has those write who came in this turn or before. */
  write(turn: number): void {
    const { senders, since } = this;
    while (this.first < senders.length && (since[this.first] ?? 0) <= turn) senders[this.first++]?.write();
    if (this.first === 0 || this.first < senders.length / 2) return;
    this.senders = senders.slice(this.first);
    this.since = since.slice(this.first);
    this.first = 0;
  }
}
