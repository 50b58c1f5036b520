import type { TemplatedApp } from 'uWebSockets.js';

/** A socket that has replies to be sent. */
export interface Replier {
  /** Hands them to uWebSockets.js, in one write. */
  writeReplies(): void;
}

/**
 * How many turns of the event loop a frame waits for others that go the same way. What decides how much a busy room
 * delivers is how many messages share one write to each socket; and a turn in which nothing else happens takes
 * microseconds, so in an idle room nobody notices (bench/NOTES.md has the figures for 0 to 4).
 */
const GATHER_TURNS = 2;

/**
 * What is on its way out. Messages and replies gather for some turns of the event loop and then go together, messages
 * first: so a poster's own message and the ack of it share a write, and so do all messages of a room.
 */
export class Egress {
  private topics: string[] = [];
  private frames: string[] = [];
  private repliers: Replier[] = [];
  private turnsLeft = 0;
  private readonly nextTurn = (): void => this.turn();

  constructor(private readonly app: TemplatedApp) {}

  publish(topic: string, frame: string): void {
    this.topics.push(topic);
    this.frames.push(frame);
    this.gather();
  }

  /** To be called once until `writeReplies` is. */
  reply(replier: Replier): void {
    this.repliers.push(replier);
    this.gather();
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
    if (this.turnsLeft > 0) return;
    this.turnsLeft = GATHER_TURNS;
    setImmediate(this.nextTurn);
  }

  private turn(): void {
    if (--this.turnsLeft > 0) {
      setImmediate(this.nextTurn);
      return;
    }
    this.publishGathered();
    const { repliers } = this;
    this.repliers = [];
    for (const replier of repliers) replier.writeReplies();
  }
}
