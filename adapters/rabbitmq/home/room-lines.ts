import type { Clock } from '../../../engine/ports.js';
import type { Item } from './envelope.js';

/** Pause before a room's commands are tried again, ms: doubled while its first one does not get on. */
const BACKOFF = { first: 100, most: 5_000 };
/** So often a command may fail while others succeed. */
const TRIES = 5;
/**
 * A room does not get on when so many attempts, one after the other, were in vain while others succeeded: with the pauses
 * between them these are some 3 s. Not fewer: with a store that comes and goes, a room may fail each time by chance.
 */
const MISSES = TRIES;

/** Commands that changed something, of all partitions of this node: each shows that the store works. */
export interface Successes {
  count: number;
}

/** What is known of a room with commands under way or waiting. */
interface Line {
  readonly roomId: string;
  /** Handed out and not decided. */
  underWay: number;
  /** Given back, until those that are under way are decided, too. */
  again: Item[];
  /** Not handed out, in their order. */
  readonly queue: Item[];
  /** Set while the room pauses. */
  endPause: (() => void) | null;
  pauseMs: number;
  /** The first of those that were tried in vain. */
  first: Item | null;
  /** Attempts in vain, one after the other, while others succeeded. */
  misses: number;
  /** `Successes.count` at the last attempt. */
  successes: number;
}

interface Parts {
  readonly clock: Clock;
  readonly successes: Successes;
  /** Messages that may wait for rooms that do not get on while others do. */
  readonly places: number;
  /** `next` has something. */
  readonly onReady: () => void;
  readonly onPause: (roomId: string, ms: number) => void;
  /** Too many wait, and this is one of the last of a room that does not get on. */
  readonly onOverflow: (item: Item) => void;
}

/**
 * The order of each room's commands when one of them is to be tried again: what is behind it waits, and no other room
 * does. When those of the room that are under way are decided and a pause is over, they are handed out in their old
 * order.
 */
export class RoomLines {
  private readonly lines = new Map<string, Line>();
  private readonly ready = new Set<Line>();
  private places = 0;
  private items = 0;

  constructor(private readonly parts: Parts) {}

  /** Commands that wait for their room. */
  get waiting(): number {
    return this.items;
  }

  /** Whether it can be handed out now; else it waits behind others of its room: for `next`, or for `onOverflow`. */
  admit(item: Item): boolean {
    const line = this.lines.get(item.command.room_id);
    if (!line || (line.again.length === 0 && line.queue.length === 0)) return true;
    line.queue.push(item);
    this.waits(item, 1);
    this.shorten(line);
    return false;
  }

  handed(item: Item): void {
    const roomId = item.command.room_id;
    let line = this.lines.get(roomId);
    if (!line) this.lines.set(roomId, (line = emptyLine(roomId, this.parts.successes.count)));
    line.underWay++;
    if (item.tried) return;
    item.tried = true;
    item.successes = this.parts.successes.count;
  }

  /** It is dealt with; `failed`: given up. */
  settled(item: Item, failed: boolean): void {
    const line = this.lines.get(item.command.room_id);
    if (!line) return;
    if (!failed) line.misses = 0;
    line.underWay--;
    this.decided(line);
  }

  /** It is to be tried again; false: it was tried often enough, and is still under way. */
  retried(item: Item, passing: boolean): boolean {
    const line = this.lines.get(item.command.room_id);
    if (!line) return true;
    // What had to be given back because it stands behind another one has not failed.
    if (!passing && !this.isBehindRetried(item)) {
      const { count } = this.parts.successes;
      if (count > item.successes) item.failures++;
      item.successes = count;
      if (item.failures >= TRIES) return false;
    }
    line.again.push(item);
    this.waits(item, 1);
    line.underWay--;
    this.decided(line);
    return true;
  }

  /** Whether a command that stood before this one in its room has been given back meanwhile. */
  isBehindRetried(item: Item): boolean {
    const line = this.lines.get(item.command.room_id);
    return line?.again.some((other) => inOrder(other, item) < 0) ?? false;
  }

  /** Takes the next of those whose pause is over. */
  next(): Item | undefined {
    for (const line of this.ready) {
      const item = isReady(line) ? line.queue.shift() : undefined;
      if (!item) {
        this.ready.delete(line);
        continue;
      }
      this.waits(item, -1);
      return item;
    }
    return undefined;
  }

  stop(): void {
    for (const line of this.lines.values()) line.endPause?.();
    this.lines.clear();
    this.ready.clear();
  }

  private decided(line: Line): void {
    if (line.underWay === 0 && line.again.length > 0) this.pause(line);
    else if (isReady(line)) {
      this.ready.add(line);
      this.parts.onReady();
    } else if (line.underWay === 0 && line.queue.length === 0) this.lines.delete(line.roomId);
  }

  private pause(line: Line): void {
    const { clock, successes, onPause } = this.parts;
    line.queue.unshift(...line.again.splice(0).sort(inOrder));
    const first = line.queue[0] ?? null;
    line.pauseMs = first === line.first ? Math.min(BACKOFF.most, line.pauseMs * 2) : BACKOFF.first;
    line.first = first;
    line.misses = successes.count > line.successes ? line.misses + 1 : 0;
    line.successes = successes.count;
    line.endPause = clock.after(line.pauseMs, () => {
      line.endPause = null;
      this.ready.add(line);
      this.parts.onReady();
    });
    onPause(line.roomId, line.pauseMs);
    this.shorten(line);
  }

  /** The last are given up: who asked for them waits still, and the order stays. */
  private shorten(line: Line): void {
    while (line.misses >= MISSES && line.queue.length > 1 && this.places > this.parts.places) {
      const last = line.queue.pop();
      if (!last) return;
      this.waits(last, -1);
      this.parts.onOverflow(last);
    }
  }

  private waits(item: Item, by: 1 | -1): void {
    const { envelope } = item;
    this.items += by;
    if (by === 1 && envelope.waiting++ === 0) this.places++;
    if (by === -1 && --envelope.waiting === 0) this.places--;
  }
}

function emptyLine(roomId: string, successes: number): Line {
  return {
    roomId,
    underWay: 0,
    again: [],
    queue: [],
    endPause: null,
    pauseMs: 0,
    first: null,
    misses: 0,
    successes,
  };
}

function isReady({ again, queue, endPause }: Line): boolean {
  return again.length === 0 && queue.length > 0 && endPause === null;
}

/** A delivery tag counts the messages of a channel (AMQP 0-9-1, 1.8.3.13). */
function inOrder(a: Item, b: Item): number {
  const [tagA, tagB] = [a, b].map(({ envelope }) => envelope.message.fields.deliveryTag) as [number, number];
  return tagA - tagB || a.position - b.position;
}
