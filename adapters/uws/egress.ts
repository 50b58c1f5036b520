import type { TemplatedApp } from 'uWebSockets.js';

/** A socket with frames that wait to be sent. */
export interface Sender {
  /** Hands them to uWebSockets.js, in one write; harmless if there are none. */
  write(): void;
}

/**
 * How many turns of the event loop a frame waits for others that go the same way. What decides how much a busy room
 * delivers is how many messages share one write to each socket; and a turn in which nothing else happens takes
 * microseconds, so in an idle room nobody notices (bench/NOTES.md has the figures for 0 to 4).
 */
const GATHER_TURNS = 2;
/** How many turns a frame waits for another one to the same socket that is known to be on its way. */
const ALONG_TURNS = 16;

/** What is on its way out: frames gather for some turns of the event loop and then go together. */
export class Egress {
  private topics: string[] = [];
  private frames: string[] = [];
  private publishedSince = 0;
  private readonly soon = new Waiting(GATHER_TURNS);
  private readonly along = new Waiting(ALONG_TURNS);
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

  private run(): void {
    if (this.running) return;
    this.running = true;
    setImmediate(this.nextTurn);
  }

  private turn(): void {
    this.now++;
    if (this.publishedSince + GATHER_TURNS <= this.now) this.publishGathered();
    this.soon.write(this.now);
    this.along.write(this.now);
    this.running = false;
    if (this.topics.length > 0 || !this.soon.isEmpty || !this.along.isEmpty) this.run();
  }
}

/** Senders that wait for so many turns, in the order in which they came. */
class Waiting {
  private senders: Sender[] = [];
  /** The turn in which each of them came. */
  private since: number[] = [];
  private first = 0;

  constructor(private readonly turns: number) {}

  get isEmpty(): boolean {
    return this.first === this.senders.length;
  }

  add(sender: Sender, now: number): void {
    this.senders.push(sender);
    this.since.push(now);
  }

  write(now: number): void {
    const { senders, since } = this;
    while (this.first < senders.length && (since[this.first] ?? 0) + this.turns <= now)
      senders[this.first++]?.write();
    if (this.first < senders.length / 2) return;
    this.senders = senders.slice(this.first);
    this.since = since.slice(this.first);
    this.first = 0;
  }
}
