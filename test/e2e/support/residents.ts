import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, Member } from '../../checker/history.js';
import type { Book, Post } from './book.js';
import type { Door } from './door.js';
import { mayRetry } from './kill-people.js';
import { lastSeen, openLine, type Line } from './line.js';
import type { VisitBook } from './visits.js';
import { freshPost, type Random } from './words.js';

/** What everybody writes down, and whether they talk. */
export interface Stage {
  readonly book: Book;
  readonly visits: VisitBook;
  readonly random: Random;
  /** Pause between two posts of one resident, ms. */
  readonly postEveryMs: number;
  /** `talk`: residents post, and others try to get in; `rest`: nobody posts; `over`: everybody goes. */
  phase: 'talk' | 'rest' | 'over';
}

/** Pause between two attempts to get in, ms: 48 who try are some 300 attempts a second. */
const TRY_EVERY_MS = 150;

/** Somebody who holds a seat in a room and posts, over one connection that should stand. */
export class Resident {
  readonly record: Member;
  /** Why this user is no longer in the room as a member should be; null: all is well. */
  cutOff: string | null = null;
  /** Went for good, as was meant. */
  isGone = false;
  /** How posts were answered: with their seq, with 202, or with a code. */
  readonly answers: { readonly what: string; readonly sentAt: number; readonly at: number }[] = [];
  private readonly again: Post[] = [];
  private line: Line | null = null;
  private lines = 0;
  private away = false;
  private talking: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly stage: Stage,
    room_id: string,
    readonly user: string,
  ) {
    this.record = { room_id, name: `${user} in ${room_id}`, sessions: [], stayed: true };
  }

  get room(): string {
    return this.record.room_id;
  }

  /** Whether a post was answered with its seq that was sent after this time. */
  hasPostedSince(time: number): boolean {
    const last = this.answers.findLast(({ what }) => what === 'posted');
    return last !== undefined && last.sentAt >= time;
  }

  /** The seq of the last event that was shown. */
  get seen(): number {
    return lastSeen(this.record) ?? -1;
  }

  /** Opens the connection and begins to post. Resolves with whether there was a welcome. */
  async enter(node: Door): Promise<boolean> {
    const { book, visits } = this.stage;
    const line = await openLine(this.record, this.user, {
      door: node,
      name: `${this.record.name}/${++this.lines}`,
      book,
      visits,
      answered: (post, answer, sentAt) => this.answered(post, answer, sentAt),
    });
    if (!line) return false;
    this.line = line;
    this.away = false;
    void line.ended.then((left) => {
      if (this.line === line) this.ended(left);
    });
    this.talking = this.talk(line);
    return true;
  }

  /** Comes back on another node, trying again until it is let in or the time is over. */
  async enterUntil(node: Door, deadline: number): Promise<boolean> {
    while (performance.now() < deadline) {
      if (await this.enter(node)) return true;
      await pause(TRY_EVERY_MS);
    }
    this.cutOff = 'was not let in again';
    return false;
  }

  /** To be called right before its node is killed: its connection will end, and nobody is to blame. */
  losesNode(): void {
    this.away = true;
    this.line?.stands();
  }

  /** Posts no more; resolves when the last post is answered. */
  async finish(): Promise<void> {
    await this.talking;
  }

  /** Ends the connection. Who is there until then has to have been shown everything. */
  leave(): void {
    this.record.stayed = this.isThere;
    this.away = true;
    this.line?.drop();
  }

  /** In the room, as far as anybody knows. */
  get isThere(): boolean {
    return !this.isGone && this.cutOff === null;
  }

  private async talk(line: Line): Promise<void> {
    while (line.isOpen && this.stage.phase === 'talk') {
      line.post(this.again.shift() ?? freshPost(this.stage.random, this.room, this.user));
      await line.moved();
      await pause(this.stage.postEveryMs);
    }
  }

  private answered(post: Post, answer: Answer, sentAt: number): void {
    const what = answer.type === 'refused' ? answer.code : answer.type;
    this.answers.push({ what, sentAt, at: performance.now() });
    if (answer.type !== 'refused') return;
    if (mayRetry(answer)) this.again.push(post);
    else this.cutOff ??= `a post was refused: ${answer.code}`;
  }

  private ended(left: readonly Post[]): void {
    this.line = null;
    this.again.push(...left);
    if (!this.away) this.cutOff ??= 'the connection ended';
  }
}

/** Somebody who tries to get into a room of two on one node, all the time. Once in, they stay. */
export class Intruder {
  readonly record: Member;
  /** When the welcome came. */
  cameInAt: number | null = null;
  tries = 0;
  /** The codes with which it was not let in, each time until everybody goes. */
  readonly refusals: string[] = [];
  private line: Line | null = null;
  private readonly gone: Promise<void>;

  constructor(
    private readonly stage: Stage,
    readonly node: Door,
    room_id: string,
  ) {
    const user = `carol-${node.name}`;
    this.record = { room_id, name: `${user} in ${room_id}`, sessions: [], stayed: false };
    this.gone = this.live(user);
  }

  get room(): string {
    return this.record.room_id;
  }

  /** Resolves when nothing is tried any more; the stage must be `over`, and its nodes may have to be gone. */
  async leave(): Promise<void> {
    this.line?.drop();
    await this.gone;
  }

  private async live(user: string): Promise<void> {
    const { book, visits } = this.stage;
    while (this.stage.phase !== 'over') {
      this.tries++;
      const name = `${this.record.name}/${this.tries}`;
      this.line = await openLine(this.record, user, {
        door: this.node,
        name,
        book,
        visits,
        answered: () => undefined,
        turnedAway: (code) => this.turnedAway(code),
      });
      if (this.line) {
        this.cameInAt ??= performance.now();
        await this.line.ended;
      }
      await pause(TRY_EVERY_MS);
    }
  }

  /** A node may be ending once everybody goes, and then refuses for that reason. */
  private turnedAway(code: string): void {
    if (this.stage.phase !== 'over') this.refusals.push(code);
  }
}
