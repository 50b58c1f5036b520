import { errorText } from './errors.js';
import type { DurableEvent } from './messages/events.js';
import type { Log, Meter, Store } from './ports.js';
import type { Timeline } from './timeline.js';

/** Events read at a time. */
const PAGE = 200;

/** The store's answer, and the purpose it was asked for. */
export type Reading<P> =
  | { readonly type: 'read'; readonly events: readonly DurableEvent[]; readonly purpose: P }
  | { readonly type: 'not_read'; readonly cause: unknown; readonly purpose: P };

interface Parts {
  readonly store: Store;
  readonly log: Log;
  readonly meter: Meter;
}

/** Reads the events that an audience has missed, those after its cursor, page by page. */
export class MissedEvents<P> {
  private failing = false;

  constructor(
    private readonly roomId: string,
    private readonly parts: Parts,
    private readonly timeline: Timeline,
    /** The store's answers come back as messages. */
    private readonly mailbox: { tellFirst(reading: Reading<P>): void },
  ) {}

  /** Whether the store did not answer when it was last asked. */
  get fails(): boolean {
    return this.failing;
  }

  read(purpose: P): void {
    const { roomId: room_id, timeline, parts, mailbox } = this;
    const after = timeline.cursor ?? 0;
    parts.store.history({ room_id, after, limit: PAGE, messages_only: false }).then(
      (events) => mailbox.tellFirst({ type: 'read', events, purpose }),
      (cause: unknown) => mailbox.tellFirst({ type: 'not_read', cause, purpose }),
    );
  }

  /**
   * A page of events, perhaps none, was read. If the store has forgotten the missing events (by a purge, or
   * by the bound of the memory store), the timeline jumps to the first that is there. `next`: to jump to if
   * none is; null: no jump.
   */
  arrived({ events }: { readonly events: readonly DurableEvent[] }, next: number | null): void {
    this.failing = false;
    const from = this.timeline.cursor ?? 0;
    const first = events[0]?.seq ?? next ?? 0;
    if (first <= from + 1) return;
    this.parts.meter.dropped('gap_not_in_store');
    this.parts.log.warn(
      { room_id: this.roomId, from, to: first - 1 },
      'audience: events are no longer in the store',
    );
    this.timeline.jump(first - 1);
  }

  /** The store did not answer. Returns the purpose it was asked for. */
  failed({ cause, purpose }: { readonly cause: unknown; readonly purpose: P }): P {
    this.failing = true;
    const fields = { room_id: this.roomId, cause: errorText(cause) };
    this.parts.log.error(fields, 'audience: missed events could not be read yet');
    return purpose;
  }

  mayBeMore({ events }: { readonly events: readonly DurableEvent[] }): boolean {
    return events.length === PAGE;
  }
}
