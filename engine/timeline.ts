import type { DurableEvent } from './messages/events.js';

/** Events left when a list is trimmed; `recent` is trimmed past twice this. Most joins then need no read of the store. */
const RECENT = 64;

/** The last durable event sent to a room's connections on this node, and those just before it. */
export class Timeline {
  /** seq of the last event that was sent; null until the first join calls `begin`. */
  cursor: number | null = null;
  /** The last events up to the cursor, without a gap; empty after `begin` and `jump`. */
  recent: DurableEvent[] = [];
  /** Events that came while `cursor` was null; `begin` picks those to send from them. Null while there is none. */
  private early: DurableEvent[] | null = null;

  /** Where an event stands relative to the cursor; `unknown` while the cursor is null. */
  placeOf({ seq }: DurableEvent): 'next' | 'old' | 'behind a gap' | 'unknown' {
    if (this.cursor === null) return 'unknown';
    if (seq <= this.cursor) return 'old';
    return seq === this.cursor + 1 ? 'next' : 'behind a gap';
  }

  /** Records the next event as sent. */
  add(event: DurableEvent): void {
    this.cursor = event.seq;
    // What was purged must not be sent to whoever joins.
    if (event.type === 'room_closed' && event.purged) this.recent = [];
    this.recent.push(event);
    if (this.recent.length > RECENT * 2) this.recent = this.recent.slice(-RECENT);
  }

  /** Keeps an event that came while `cursor` was null. */
  keepEarly(event: DurableEvent): void {
    this.early ??= [];
    this.early.push(event);
    // After a drop the oldest event left is `behind a gap`, and the store has the others.
    if (this.early.length > RECENT) this.early.shift();
  }

  /** Sets the cursor. Returns the early events after it, for the caller to send; there may be a gap before them. */
  begin(seq: number): DurableEvent[] {
    this.cursor = seq;
    const early = this.early?.filter((event) => event.seq > seq) ?? [];
    this.early = null;
    return early;
  }

  /** Moves the cursor to a later seq, because the store has forgotten the events before it. */
  jump(to: number): void {
    this.cursor = to;
    this.recent = [];
  }
}
