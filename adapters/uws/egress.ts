import type { TemplatedApp } from 'uWebSockets.js';

/** A socket with frames that are to be sent soon. */
export interface Sender {
  /** The turn in which the first of them came. */
  waitsSince: number;
  /** Hands them to uWebSockets.js, in one write. */
  write(): void;
}

/**
 * How many turns of the event loop a frame waits for others that go the same way. What decides how much a busy room
 * delivers is how many messages share one write to each socket; and a turn in which nothing else happens takes
 * microseconds, so in an idle room nobody notices (bench/NOTES.md has the figures for 0 to 4).
 */
const GATHER_TURNS = 2;

/** What is on its way out: frames gather for some turns of the event loop and then go together. */
export class Egress {
  private topics: string[] = [];
  private frames: string[] = [];
  private publishedSince = 0;
  private senders: Sender[] = [];
  private now = 0;
  private running = false;
  private readonly nextTurn = (): void => this.turn();

  constructor(private readonly app: TemplatedApp) {}

  publish(topic: string, frame: string): void {
    if (this.topics.length === 0) this.publishedSince = this.now;
    this.topics.push(topic);
    this.frames.push(frame);
    this.run();
  }

  /** Has `sender` write in some turns. To be called once until then. */
  soon(sender: Sender): void {
    sender.waitsSince = this.now;
    this.senders.push(sender);
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

  private run(): void {
    if (this.running) return;
    this.running = true;
    setImmediate(this.nextTurn);
  }

  private turn(): void {
    const before = ++this.now - GATHER_TURNS;
    if (this.publishedSince <= before) this.publishGathered();
    const { senders } = this;
    let ripe = 0;
    while (ripe < senders.length && (senders[ripe]?.waitsSince ?? 0) <= before) senders[ripe++]?.write();
    if (ripe > 0) this.senders = senders.slice(ripe);
    this.running = false;
    if (this.topics.length > 0 || this.senders.length > 0) this.run();
  }
}
