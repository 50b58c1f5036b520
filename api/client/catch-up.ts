import { ParlorError } from './errors.js';
import type { RoomHost } from './host.js';
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
  readonly tell: (placed: Placed) => void;
  readonly gap: (gap: { readonly after: number; readonly before: number }) => void;
  /** A page of the log over HTTP. Rejects with a ParlorError, or because of the signal. */
  readonly page: (after: number, signal: AbortSignal) => Promise<unknown>;
}

/** What may come live while what was missed is fetched. More is not held: it is a gap then. */
const MOST_HELD = 10_000;

/** Where we are in a room. */
export interface CatchUp {
  /** The last seq that was told; null: nothing yet. */
  seq: number | null;
  /** The room was subscribed with `since: seq`, and this is what its welcome says. */
  readonly begin: (head: number, recovered: boolean | undefined) => void;
  readonly take: (placed: Placed) => void;
  /** The link is lost: what is not told yet will be asked for again. */
  readonly stop: () => void;
}

/**
 * Tells everything that has a seq once and in order: what is at or before the cursor is dropped; what was missed and not sent is
 * fetched from the log, and what comes live meanwhile is held back. A seq that is left out is no fault: a room may keep what
 * it does not send.
 */
export function createCatchUp(
  { pauseMs, fillLimit }: Pick<RoomHost, 'pauseMs' | 'fillLimit'>,
  { tell, gap, page }: CatchUpPort,
): CatchUp {
  let held: Placed[] | null = null;
  let filling: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const catchUp: CatchUp = { seq: null, begin, take, stop };

  function begin(head: number, recovered: boolean | undefined): void {
    stop();
    const { seq } = catchUp;
    // A head before ours: the server has lost what it had, and counts anew.
    if (seq === null || head < seq) catchUp.seq = head;
    else if (recovered === false && head > seq) {
      if (head - seq > fillLimit) return jump(head);
      held = [];
      filling = new AbortController();
      fill(seq, head, 0, filling.signal);
    }
  }

  function take(placed: Placed): void {
    if (held) {
      held.push(placed);
      if (held.length > MOST_HELD) finish(placed.seq - 1);
    } else pass(placed);
  }

  function pass(placed: Placed): void {
    if (catchUp.seq !== null && placed.seq <= catchUp.seq) return;
    catchUp.seq = placed.seq;
    tell(placed);
  }

  function stop(): void {
    filling?.abort();
    clearTimeout(timer);
    held = null;
  }

  function fill(from: number, to: number, attempt: number, signal: AbortSignal): void {
    const fetched = ({ events, next }: EventPage): void => {
      for (const event of events) {
        if (event.seq > to) break;
        jump(event.seq - 1);
        pass(placedOf(event));
      }
      if (next === null || Number(next) >= to) finish(to);
      else fill(Number(next), to, 0, signal);
    };
    const failed = (error: unknown): void => {
      if (error instanceof ParlorError && error.retry)
        timer = setTimeout(() => fill(from, to, attempt + 1, signal), pauseMs(attempt, error));
      else finish(to);
    };
    page(from, signal).then(
      (answer) => signal.aborted || fetched(answer as EventPage),
      (error: unknown) => signal.aborted || failed(error),
    );
  }

  function finish(to: number): void {
    const rest = held ?? [];
    stop();
    jump(to);
    rest.forEach(pass);
  }

  /** Goes on at a seq, and tells what is left out. */
  function jump(to: number): void {
    const after = catchUp.seq ?? to;
    if (to <= after) return;
    catchUp.seq = to;
    gap({ after, before: to + 1 });
  }

  return catchUp;
}

function placedOf(event: Stored): Placed {
  if (event.type !== 'message_posted') return event;
  const { event_id: id, room_id, seq, user, text, at: created_at } = event;
  return { type: 'message', id, room_id, seq, user, text, created_at };
}
