import { errorText } from './errors.js';
import type { DurableEvent } from './messages/events.js';
import type { Log, Meter, Store } from './ports.js';
import type { Timeline } from './timeline.js';

/** Events read at a time. */
const PAGE = 200;

/**
 * The store's answer. `purpose`: what the audience wants to do once it has the events; it is handed back
 * unchanged.
 */
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

  /** Asks for the first page after the cursor. The answer comes to the mailbox as a `Reading`. */
  read(purpose: P): void {
    const { roomId: room_id, timeline, parts, mailbox } = this;
    const after = timeline.cursor ?? 0;
    parts.store.history({ room_id, after, limit: PAGE, messages_only: false }).then(
      (events) => mailbox.tellFirst({ type: 'read', events, purpose }),
      (cause: unknown) => mailbox.tellFirst({ type: 'not_read', cause, purpose }),
    );
  }

  /**
   * To be called when a page was read, before its events are delivered. If the store has forgotten the
   * missing events (by a purge, or by the bound of the memory store), the timeline jumps to the first that is
   * there. `next`: the seq to jump to if the store has no later event; null: no jump.
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

  /** Whether a page was full, so that more events may follow it. */
  mayBeMore({ events }: { readonly events: readonly DurableEvent[] }): boolean {
    return events.length === PAGE;
  }
}
