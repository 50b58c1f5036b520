import { eventFrame } from './codec.js';
import type { Refusal } from './errors.js';
import type { Listener } from './listener.js';
import type { DurableEvent } from './messages/events.js';

/**
 * One step of letting a connection in: it has its welcome and the events up to `from`. It was given its seat
 * at `joinedAt`, so a later event may end it.
 */
export interface CatchUp {
  readonly type: 'catch_up';
  readonly listener: Listener;
  readonly from: number;
  readonly joinedAt: number;
  /** The members as the client knows them, from the welcome and the kicks it was sent since; and their version. */
  readonly members: readonly string[];
  readonly membersVersion: number;
  /**
   * Size of the next page. It shrinks for slow clients: events they cannot take yet are read from the store
   * for nothing.
   */
  readonly page: number;
  /** Frames that have to be sent first. */
  readonly before: readonly string[];
}

const NONE: readonly string[] = [];

const LEAST_PAGE = 8;
const MOST_PAGE = 200;

/** The first step; `before`: the welcome. */
export function beginCatchUp(step: Omit<CatchUp, 'type' | 'page'>): CatchUp {
  return { type: 'catch_up', page: MOST_PAGE, ...step };
}

/**
 * Sends missed events while the backlog stays under `most` bytes, but at least one if it is under half of
 * that, so that slow readers of large events still make progress. If all were sent, `after` follows where it
 * fits. All go in one write. Null if an event ended the listener, else the next step, and `complete`: whether
 * everything, `after` too, was sent.
 */
export function sendMissed(
  step: CatchUp,
  missed: readonly DurableEvent[],
  most: number,
  after: readonly string[] = [],
): { readonly next: CatchUp; readonly complete: boolean } | null {
  const { listener, joinedAt } = step;
  const backlog = listener.backlog();
  let spare = most - backlog - bytesOf(step.before);
  const least = step.before.length === 0 && backlog <= most / 2 ? 1 : 0;
  let { from } = step;
  let taken = 0;
  const frames = [...step.before];
  for (const event of missed) {
    const frame = eventFrame(event);
    spare -= Buffer.byteLength(frame);
    if (spare < 0 && taken >= least) break;
    frames.push(frame);
    from = event.seq;
    taken++;
    const ending = event.seq > joinedAt ? endingOf(event, listener) : null;
    if (!ending) continue;
    listener.send(...frames);
    listener.end(ending.code, ending.message);
    return null;
  }
  const cut = taken < missed.length;
  const complete = !cut && (after.length === 0 || bytesOf(after) <= spare);
  if (complete) frames.push(...after);
  if (frames.length > 0) listener.send(...frames);
  const page = cut ? Math.max(LEAST_PAGE, taken) : Math.min(MOST_PAGE, step.page * 2);
  const told = withoutKicked(step, missed.slice(0, taken));
  return { next: { ...told, from, page, before: NONE }, complete };
}

/** No list has this version: what the client knows has to be compared. */
const NO_VERSION = -1;

/**
 * A step whose client has been sent these events: whoever was kicked is no member for it. The list in the welcome knows of
 * the kicks before it.
 */
export function withoutKicked<S extends Pick<CatchUp, 'joinedAt' | 'members' | 'membersVersion'>>(
  step: S,
  sent: readonly DurableEvent[],
): S {
  const kicked = sent.flatMap((event) =>
    event.type === 'member_kicked' && event.seq > step.joinedAt ? [event.user] : [],
  );
  if (kicked.length === 0) return step;
  const members = step.members.filter((user) => !kicked.includes(user));
  return { ...step, members, membersVersion: NO_VERSION };
}

function bytesOf(frames: readonly string[]): number {
  return frames.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0);
}

/** Why an event leaves a connection without a seat, or null. */
export function endingOf(event: DurableEvent, listener: Listener): Refusal | null {
  if (event.type === 'room_closed' && event.reason === 'deleted')
    return { code: 'room_closed', message: 'the room was closed' };
  if (event.type === 'member_kicked' && event.user === listener.user)
    return { code: 'forbidden', message: 'you were removed from the room' };
  return null;
}
