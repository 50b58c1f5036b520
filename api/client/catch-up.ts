import { ParlorError } from './errors.js';
import type { Fact, Message } from './types.js';

/** What has a seq. */
export type Placed = ({ readonly type: 'message' } & Message) | Fact;

/** A page of `/api/events`. */
interface EventPage {
  readonly events: readonly Stored[];
  readonly next: string | null;
}
type Stored =
  | Fact
  | {
      readonly type: 'message_posted';
      readonly event_id: string;
      readonly room_id: string;
      readonly seq: number;
      readonly at: string;
      readonly user: string | null;
      readonly text: string;
    };

export interface CatchUpPort {
  /** Tells one thing; each once, by ascending seq. */
  tell(placed: Placed): void;
  gap(gap: { readonly after: number; readonly before: number }): void;
  /** A page of the log over HTTP. Rejects with a ParlorError, or because of the signal. */
  page(after: number, signal: AbortSignal): Promise<unknown>;
  pauseMs(attempt: number, error: ParlorError): number;
  /** The most that is fetched over HTTP. */
  readonly limit: number;
}

/** What may come live while what was missed is fetched. More is not held: it is a gap then. */
const MOST_HELD = 10_000;

/**
 * Where we are in a room. Tells everything that has a seq once and in order: what is at or before the cursor is dropped; what was
 * missed and not sent is fetched from the log, and what comes live meanwhile is held back. A seq that is left out is no fault:
 * a room may keep what it does not send.
 */
export class CatchUp {
  #held: Placed[] | null = null;
  #filling: AbortController | null = null;

  constructor(
    private readonly port: CatchUpPort,
    /** The last seq that was told; null: nothing yet. */
    public seq: number | null = null,
  ) {}

  /** The room was subscribed with `since: seq`, and this is what its welcome says. */
  begin(head: number, recovered: boolean | undefined): void {
    this.stop();
    // A head before ours: the server has lost what it had, and counts anew.
    if (this.seq === null || head < this.seq) this.seq = head;
    else if (recovered === false && head > this.seq) {
      if (head - this.seq > this.port.limit) return this.#jump(head);
      this.#held = [];
      this.#filling = new AbortController();
      void this.#fill(head, this.#filling.signal);
    }
  }

  take(placed: Placed): void {
    if (this.#held) {
      this.#held.push(placed);
      if (this.#held.length > MOST_HELD) this.#finish(placed.seq - 1);
      return;
    }
    if (this.seq !== null && placed.seq <= this.seq) return;
    this.seq = placed.seq;
    this.port.tell(placed);
  }

  /** The link is lost: what is not told yet will be asked for again. */
  stop(): void {
    this.#filling?.abort();
    this.#filling = this.#held = null;
  }

  async #fill(to: number, signal: AbortSignal): Promise<void> {
    for (let attempt = 0, after = this.seq ?? 0; after < to;) {
      try {
        const { events, next } = (await this.port.page(after, signal)) as EventPage;
        if (signal.aborted) return;
        for (const event of events) if (event.seq <= to) this.#fetched(event);
        attempt = 0;
        if (next === null) break;
        after = Number(next);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ParlorError && error.retry)) break;
        const pause = this.port.pauseMs(attempt++, error);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pause);
          signal.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
          });
        });
        if (signal.aborted) return;
      }
    }
    this.#finish(to);
  }

  #fetched(event: Stored): void {
    const last = this.seq ?? 0;
    if (event.seq <= last) return;
    if (event.seq > last + 1) this.port.gap({ after: last, before: event.seq });
    this.seq = event.seq;
    this.port.tell(placedOf(event));
  }

  #finish(to: number): void {
    const held = this.#held ?? [];
    this.stop();
    this.#jump(to);
    for (const placed of held) this.take(placed);
  }

  /** Goes on at a seq, and tells what is left out. */
  #jump(to: number): void {
    const after = this.seq ?? to;
    if (to <= after) return;
    this.seq = to;
    this.port.gap({ after, before: to + 1 });
  }
}

function placedOf(event: Stored): Placed {
  if (event.type !== 'message_posted') return event;
  const { event_id: id, room_id, seq, user, text, at: created_at } = event;
  return { type: 'message', id, room_id, seq, user, text, created_at };
}
