import type { DurableEvent } from './messages/events.js';

/**
 * Number of events that are kept, so that most joins can be led to the live stream without asking the store.
 */
const RECENT = 64;

/** How far an audience has come in its room's durable events, and the last of those events. */
export class Timeline {
  /** seq of the last event that was sent out; null until the first join says where the room stands. */
  cursor: number | null = null;
  /** The last events up to the cursor, without a gap. */
  recent: DurableEvent[] = [];
  /**
   * Events that came while there was no cursor. Which of them have to be sent out is known when there is one.
   */
  private early: DurableEvent[] | null = null;

  /** Whether an event is the next one, has been sent out already, or shows a gap before it. */
  placeOf({ seq }: DurableEvent): 'next' | 'old' | 'behind a gap' | 'unknown' {
    if (this.cursor === null) return 'unknown';
    if (seq <= this.cursor) return 'old';
    return seq === this.cursor + 1 ? 'next' : 'behind a gap';
  }

  /** The next event is sent out. */
  add(event: DurableEvent): void {
    this.cursor = event.seq;
    if (event.type === 'room_closed' && event.purged) this.recent = [];
    this.recent.push(event);
    if (this.recent.length > RECENT * 2) this.recent = this.recent.slice(-RECENT);
  }

  keepEarly(event: DurableEvent): void {
    this.early ??= [];
    this.early.push(event);
    // If some are dropped, the first that is kept shows the gap.
    if (this.early.length > RECENT) this.early.shift();
  }

  /** Sets the cursor. Answers the early events with a greater seq, which have to be sent out now. */
  begin(seq: number): DurableEvent[] {
    this.cursor = seq;
    const early = this.early?.filter((event) => event.seq > seq) ?? [];
    this.early = null;
    return early;
  }

  /** Goes on from a later seq: the missing events are no longer in the store. */
  jump(to: number): void {
    this.cursor = to;
    this.recent = [];
  }
}
