import type { Clock } from '../../../engine/ports.js';
import type { Item } from './envelope.js';

/** Pause before a room's commands are retried, ms. It is doubled as long as the first one keeps failing. */
const BACKOFF = { first: 100, most: 5_000 };
/** A command that fails this often while others succeed is given up. */
const TRIES = 5;
/**
 * A room is stuck if this many attempts in a row failed while commands of others succeeded. With the pauses between them
 * that takes some 3 s. Fewer would not do: if a store works on and off, a room may fail several times by chance.
 */
const MISSES = TRIES;

/** Counts the commands that changed something, over all partitions of this node: each shows that the store works. */
export interface Successes {
  count: number;
}

/** The state of a room that has commands in the engine or in its queue. */
interface Line {
  readonly roomId: string;
  /** How many are in the engine, without an answer. */
  underWay: number;
  /** Commands to be retried. They wait here until those in the engine are decided, too. */
  again: Item[];
  /** Commands that are not in the engine, in their order. */
  readonly queue: Item[];
  /** Set while the room pauses; stops the timer. */
  endPause: (() => void) | null;
  pauseMs: number;
  /** The first command of the last failed attempt. */
  first: Item | null;
  /** Attempts in a row that failed while commands of others succeeded. */
  misses: number;
  /** `Successes.count` at the last attempt. */
  successes: number;
}

interface Parts {
  readonly clock: Clock;
  readonly successes: Successes;
  /** Most messages that may wait for stuck rooms. */
  readonly places: number;
  /** Called when `next` has a command. */
  readonly onReady: () => void;
  readonly onPause: (roomId: string, ms: number) => void;
  /** Called with the last commands of a stuck room when too many messages wait. */
  readonly onOverflow: (item: Item) => void;
}

/**
 * Keeps the order of each room's commands when one of them has to be retried: the later ones of the same room wait, and
 * no other room does. When the room's commands in the engine are decided and a pause is over, its commands are given to the
 * engine in their original order.
 */
export class RoomLines {
  private readonly lines = new Map<string, Line>();
  private readonly ready = new Set<Line>();
  private places = 0;
  private items = 0;

  constructor(private readonly parts: Parts) {}

  /** How many commands wait for their rooms. */
  get waiting(): number {
    return this.items;
  }

  /** True if a command can go to the engine now. Otherwise it waits behind others of its room, for `next` or `onOverflow`. */
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

  /** A command is answered; `failed`: it was given up. */
  settled(item: Item, failed: boolean): void {
    const line = this.lines.get(item.command.room_id);
    if (!line) return;
    if (!failed) line.misses = 0;
    line.underWay--;
    this.decided(line);
  }

  /** A command has to be retried. False if it was tried often enough: then it still counts as in the engine. */
  retried(item: Item, passing: boolean): boolean {
    const line = this.lines.get(item.command.room_id);
    if (!line) return true;
    // A command that was returned only because an earlier one was has not failed.
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

  /** Whether an earlier command of the same room is waiting for its retry. */
  isBehindRetried(item: Item): boolean {
    const line = this.lines.get(item.command.room_id);
    return line?.again.some((other) => inOrder(other, item) < 0) ?? false;
  }

  /** Takes the next command of a room whose pause is over. */
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

  /** Gives up the last commands: their senders are probably still waiting, and the order of the others is kept. */
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
