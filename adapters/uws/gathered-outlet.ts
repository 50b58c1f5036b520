import type { Outlet } from '../../engine/ports.js';
import { asUtf8 } from '../http/utf8.js';
import type { Publishers } from './publishers.js';
import { SenderQueue, type Sender } from './sender-queue.js';

/**
 * How long outgoing frames wait for others to go with them. What decides how much a busy room delivers is how many
 * messages share one write to each socket. A turn of the event loop in which nothing happens takes microseconds, so an
 * idle room does not notice; where a flush takes milliseconds, waiting for a part of that pays off.
 *
 * Events that are being stored are waited for, too: else half of a busy room's posts are stored while the other half is sent,
 * and each flush carries half as many. The loop sleeps meanwhile. Where it takes turns instead, the store's thread has to wait
 * for a core, and a commit of 2 ms takes 8.
 */
export interface GatherRule {
  /** Turns of the event loop to wait in any case. */
  readonly least: number;
  /** Turns to wait at most, and as many again when events have been stored that were waited for, … */
  readonly most: number;
  /** … but in all only as long as this part of the time that the last flush took. */
  readonly share: number;
}

/** Found by trying: the benchmark `gathering` compares it with others. */
const GATHER: GatherRule = { least: 2, most: 24, share: 0.5 };
/** Turns that a frame waits for another one to the same socket that is known to be on its way. */
const ALONG_TURNS = 32;
/** Turns that a frame for one socket waits for others to it. */
const SOON_TURNS = 4;
/**
 * Waiting for turns is cheap only while they are short. One that takes longer, ms, because somebody floods, is not waited for:
 * frames for single sockets are written at the end of the turn in which they come, …
 */
const LONG_TURN_MS = 2;
/** … until this many ms have passed without another one. */
const LONG_FOR_MS = 100;
/** The shortest time that a timer of Node can wait. */
const TIMER_MS = 1;

/**
 * Gathers outgoing frames for some turns of the event loop and then sends them together: those of topics by the rule,
 * those of single sockets after a fixed number of turns, so that a small room does not wait for a large one.
 */
export class GatheredOutlet implements Outlet {
  /** The frames that were published and have not been given to uWebSockets.js yet, each with its topic. */
  private topics: string[] = [];
  private frames: string[] = [];
  /** Sockets that will write after SOON_TURNS, and those that will after ALONG_TURNS. */
  private readonly soon = new SenderQueue();
  private readonly along = new SenderQueue();
  /** Counts turns of the event loop while anything waits. */
  private turnNumber = 0;
  /** When the turn that is waited for was asked for. */
  private askedAt = 0;
  /** Until then turns are taken to be long. */
  private longUntil = 0;
  /** The turn in which gathering began, and its time. */
  private gatheringSince = 0;
  private gatheringSinceMs = 0;
  private isGathering = false;
  /**
   * When the flush of this turn began; 0: there was none. uWebSockets.js writes everything before the next turn begins, so
   * that is when the flush is over.
   */
  private flushedAt = 0;
  /** How long the last flush took. */
  private flushMs = 0;
  private isScheduled = false;
  private moreIsExpected = false;
  /** While the loop sleeps until events are stored: what wakes it if that takes too long. */
  private resting: NodeJS.Timeout | null = null;
  private isWriting = false;
  private readonly nextTurn = (): void => this.turn();

  constructor(
    private readonly app: Pick<Publishers, 'publish'>,
    readonly bufferBytes: number,
    private readonly rule = GATHER,
  ) {}

  publish(topic: string, frame: string): void {
    this.topics.push(topic);
    this.frames.push(frame);
    this.gather();
  }

  expectMore(isExpected: boolean): void {
    this.moreIsExpected = isExpected;
    if (isExpected || !this.isGathering) return;
    const haveWaited = this.resting !== null || this.haveTurnsPassed();
    if (!haveWaited) return;
    // The frames of what is stored now need some turns until they are here.
    this.gatheringSince = this.turnNumber;
    this.schedule();
  }

  /** Lets `sender` write in SOON_TURNS turns. */
  writeSoon(sender: Sender): void {
    this.soon.add(sender, this.turnNumber);
    if (this.longUntil > 0 && performance.now() < this.longUntil) this.writeInThisTurn();
    else this.schedule();
  }

  /** Lets `sender` write in ALONG_TURNS turns, if it has not written until then. */
  writeLater(sender: Sender): void {
    this.along.add(sender, this.turnNumber);
    this.schedule();
  }

  /** Publishes what has gathered now, so that what is sent or subscribed after this call comes behind it. */
  publishGathered(): void {
    const { topics, frames, app } = this;
    if (topics.length === 0) return;
    this.topics = [];
    this.frames = [];
    for (let i = 0; i < topics.length; i++) app.publish(topics[i] ?? '', asUtf8(frames[i] ?? ''));
  }

  private gather(): void {
    if (this.isGathering) return;
    this.isGathering = true;
    this.gatheringSince = this.turnNumber;
    this.gatheringSinceMs = performance.now();
    this.schedule();
  }

  /** Once for all that comes in the same callback of the event loop. */
  private writeInThisTurn(): void {
    if (this.isWriting) return;
    this.isWriting = true;
    queueMicrotask(() => {
      this.isWriting = false;
      this.soon.writeUpTo(this.turnNumber);
    });
    // To see whether turns are still long.
    this.schedule();
  }

  private schedule(): void {
    if (this.resting !== null) {
      clearTimeout(this.resting);
      this.resting = null;
    }
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.askedAt = performance.now();
    setImmediate(this.nextTurn);
  }

  private turn(): void {
    this.turnNumber++;
    this.isScheduled = false;
    const now = performance.now();
    if (now - this.askedAt > LONG_TURN_MS) this.longUntil = now + LONG_FOR_MS;
    if (this.flushedAt > 0) {
      this.flushMs = performance.now() - this.flushedAt;
      this.flushedAt = 0;
    }
    if (this.isGathering && this.isTime()) {
      this.isGathering = false;
      // `publishGathered` may already have run for a direct send: then there is no flush here to be timed.
      if (this.topics.length > 0) {
        this.flushedAt = performance.now();
        this.publishGathered();
      }
    }
    this.soon.writeUpTo(this.turnNumber - SOON_TURNS);
    this.along.writeUpTo(this.turnNumber - ALONG_TURNS);
    if (this.isGathering && this.moreIsExpected && this.flushedAt === 0 && this.soon.isEmpty) this.rest();
    else if (this.isGathering || this.flushedAt > 0 || !this.soon.isEmpty || !this.along.isEmpty)
      this.schedule();
  }

  /** Takes no turns until events are stored, or it is time. */
  private rest(): void {
    const ms = this.msLeft();
    if (ms < TIMER_MS) return this.schedule();
    this.resting = setTimeout(() => this.schedule(), ms);
  }

  /** Whether the frames of topics have gathered for long enough, by the rule. */
  private isTime(): boolean {
    if (this.turnNumber - this.gatheringSince < this.rule.least) return false;
    return (this.haveTurnsPassed() && !this.moreIsExpected) || this.msLeft() <= 0;
  }

  private haveTurnsPassed(): boolean {
    return this.turnNumber - this.gatheringSince >= this.rule.most;
  }

  /** How long the frames of topics may still gather, ms. */
  private msLeft(): number {
    return this.flushMs * this.rule.share - (performance.now() - this.gatheringSinceMs);
  }
}
