import type { RoomRecord } from './ports.js';

/** An event of this seq was there at this time (monotonic, ms). */
interface Mark {
  readonly seq: number;
  readonly seen: number;
}

/** So many marks for the time that a room keeps its events: they are forgotten a sixteenth of it late at most. */
const MARKS = 16;

/**
 * The age of events whose dates lie in the future, because a clock was ahead when they came. In a room dates never go
 * back, so all that comes after such an event has its date, and is dated in the future, too, for as long as the clock was
 * ahead: years, perhaps. The age of such events is counted from when this process first saw them, never from before, so
 * none of them is forgotten too early; after a restart it is counted anew.
 */
export class FutureDates {
  private readonly rooms = new Map<string, readonly Mark[]>();

  /**
   * The seq up to which a room's events are older than `keptMs`; 0: no event is, as far as is known. `latest`: the date of
   * its last event, `now`: the time, both ms since 1970; `elapsed`: monotonic, ms.
   */
  tooOld(
    { room_id, head_seq }: Pick<RoomRecord, 'room_id' | 'head_seq'>,
    latest: number,
    keptMs: number,
    { now, elapsed }: { readonly now: number; readonly elapsed: number },
  ): number {
    if (latest <= now) {
      this.rooms.delete(room_id);
      return 0;
    }
    const marks = this.rooms.get(room_id) ?? [];
    const old = marks.findLast(({ seen }) => elapsed - seen > keptMs);
    const kept = marks.slice(old === undefined ? 0 : marks.indexOf(old));
    const last = kept.at(-1);
    const isDue = last === undefined || (head_seq > last.seq && elapsed - last.seen >= keptMs / MARKS);
    this.rooms.set(room_id, isDue ? [...kept, { seq: head_seq, seen: elapsed }] : kept);
    return old?.seq ?? 0;
  }
}
