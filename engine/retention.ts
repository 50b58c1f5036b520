import { errorText } from './errors.js';
import { FutureDates } from './future-dates.js';
import type { Policy } from './messages/policy.js';
import type { Clock, RetentionBounds, Log, Meter, RoomRecord, Store } from './ports.js';
import { ownPolicy } from './room/state.js';

export interface RetentionParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly presetOf: (roomId: string) => Policy;
  /**
   * Wakes a room that is open and whose policy closes it when it is empty. Its members may have left while
   * this node was down; awake, the room finds out and closes.
   */
  readonly wake: (roomId: string) => void;
  /** Between two rounds over all rooms, ms. */
  readonly pauseMs: number;
}

export interface Retention {
  start(): void;
  stop(): void;
}

/** Rooms read at a time. */
const PAGE = 200;
/** Pause between two steps, so that posts come first, ms. */
const BREATH_MS = 5;
/** Steps for one room in a round: a long history must not keep the other rooms waiting. */
const STEPS = 100;

/**
 * Enforces the retention of all rooms in the background, asleep or awake: round after round, in steps that
 * are small for the store. A step that fails is logged, and the next round begins anew. Several nodes may do
 * it at once.
 *
 * It writes to the store beside the journal, the engine's one other writer. That is safe because it never
 * adds an event or moves a head: it only forgets old events, and a post neither reads nor needs them.
 */
export function createRetention(parts: RetentionParts): Retention {
  const { store, clock, log, meter } = parts;
  const futureDates = new FutureDates();
  let cancel = (): void => undefined;
  let stopped = false;
  /**
   * Whether a whole round has woken the rooms that may be empty. One is enough: awake, they notice every
   * departure.
   */
  let woken = false;

  /** Resolves after `ms`; once the retention is stopped, never. */
  function pause(ms: number): Promise<void> {
    return new Promise((over) => {
      if (!stopped) cancel = clock.after(ms, over);
    });
  }

  async function round(): Promise<void> {
    for (let after: string | null = null; !stopped;) {
      const page: RoomRecord[] = await store.rooms(after, PAGE);
      for (const record of page) {
        if (!woken && closesWhenEmpty(record)) parts.wake(record.room_id);
        await forgetSafely(record);
      }
      await sweep();
      const last = page.at(-1);
      if (!last || page.length < PAGE) {
        woken = true;
        return;
      }
      after = last.room_id;
      await pause(BREATH_MS);
    }
  }

  /** A fault with one room must not keep the others from their retention. */
  async function forgetSafely(record: RoomRecord): Promise<void> {
    try {
      await forget(record);
    } catch (cause) {
      if (stopped) return;
      meter.crashed('retention');
      const fields = { room_id: record.room_id, cause: errorText(cause) };
      log.error(fields, 'retention: a room could not be dealt with; the next round tries again');
    }
  }

  async function forget(known: RoomRecord): Promise<void> {
    let record: RoomRecord | null = known;
    if (boundsOf(policyOf(record), clock.now()) === null) return;
    for (let step = 0; step < STEPS && !stopped; step++) {
      // The policy may have been changed since `known` was read.
      record = await store.load(known.room_id);
      if (record === null) return;
      const bounds = boundsOf(policyOf(record), clock.now());
      if (bounds === null) return;
      const up_to = await tooOldThoughNotYet(record);
      if (!(await store.retain(known.room_id, { ...bounds, up_to }))) return;
      await pause(BREATH_MS);
    }
  }

  /** The seq up to which events are too old though they are dated in the future; 0: there are none. */
  async function tooOldThoughNotYet(record: RoomRecord): Promise<number> {
    const { room_id } = record;
    const keptMs = (policyOf(record).retention?.max_age_s ?? 0) * 1_000;
    if (keptMs === 0) return 0;
    const [last] = await store.history({ room_id, limit: 1, messages_only: false });
    const latest = last === undefined ? 0 : Date.parse(last.at);
    return futureDates.tooOld(record, latest, keptMs, { now: clock.now(), elapsed: clock.elapsed() });
  }

  async function sweep(): Promise<void> {
    for (let step = 0; step < STEPS && !stopped && (await store.sweep()); step++) await pause(BREATH_MS);
  }

  function closesWhenEmpty(record: RoomRecord): boolean {
    return record.status === 'open' && policyOf(record).deletion === 'when_empty';
  }

  function policyOf(record: RoomRecord): Policy {
    const preset = parts.presetOf(record.room_id);
    return ownPolicy(preset, record) ?? preset;
  }

  async function rounds(): Promise<void> {
    while (!stopped) {
      await pause(parts.pauseMs);
      if (!store.state().ready) continue;
      try {
        await round();
      } catch (cause) {
        if (stopped) return;
        meter.crashed('retention');
        log.error({ cause: errorText(cause) }, 'retention: a round failed; the next one begins anew');
      }
    }
  }

  return {
    start: () => void rounds(),
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** The bounds that a policy sets at `now` (ms since 1970); null if it keeps everything. */
export function boundsOf({ retention }: Policy, now: number): RetentionBounds | null {
  if (retention === null) return null;
  const { max_messages = null, max_age_s } = retention;
  return { max_messages, not_before: max_age_s === undefined ? null : now - max_age_s * 1_000 };
}
