import type { DurableEvent } from './messages/events.js';

/** Events kept to close the seam between a join and the live stream without asking the store. */
const RECENT = 64;

/** How far an audience is in its room's durable events, and the last of them. */
export class Timeline {
  /** seq of the last event that was sent out; null until the first join says where the room stands. */
  cursor: number | null = null;
  /** The last events up to the cursor, without a gap. */
  recent: DurableEvent[] = [];
  /** Events that came while there was no cursor: which of them are to be sent out is not known yet. */
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
    // Of those that are dropped the first that is kept shows the gap.
    if (this.early.length > RECENT) this.early.shift();
  }

  /** Begins at a seq. Answers the events that came before it was known, behind that seq. */
  begin(seq: number): DurableEvent[] {
    this.cursor = seq;
    const early = this.early?.filter((event) => event.seq > seq) ?? [];
    this.early = null;
    return early;
  }

  /** What is missing is not in the store any more: goes on from a later seq. */
  jump(to: number): void {
    this.cursor = to;
    this.recent = [];
  }
}
