import type { Grant } from '../engine/access/grant.js';
import type { Engine } from '../engine/engine.js';
import { errorText, GOING_DOWN, type Refusal } from '../engine/errors.js';
import type { DurableEvent } from '../engine/messages/events.js';
import type { Clock, Log } from '../engine/ports.js';
import { createAnswerPace } from './answer-pace.js';
import type { Arrivals, TurnedAway } from './arrivals.js';
import type { Metrics } from './metrics.js';
import type { Reads } from './reads.js';
import { FULL } from './websocket.js';

/** The longest wait, ms: shorter than the 50 or 60 s after which many proxies give up on an answer. */
export const MOST_WAIT_MS = 30_000;
/**
 * Requests that may wait on a node. All of them may be for one room, and then are answered at the same event: that takes about
 * half a second.
 */
const MOST_WAITING = 4_096;

/** The page that a client waits for. */
export interface Wish {
  readonly room_id: string;
  /** The seq of the last event that it has. */
  readonly after: number;
  /** Most events of the page. */
  readonly limit: number;
  /** How long it waits, ms. */
  readonly ms: number;
}

/** Who waits. */
export interface Waiter {
  readonly ip: string;
  readonly grant: Grant;
  /** Calls this once, when the client is gone. */
  readonly onGone: (call: () => void) => void;
}

interface Parts {
  readonly engine: Pick<Engine, 'watch' | 'access'>;
  readonly store: Pick<Reads, 'history'>;
  readonly arrivals: Pick<Arrivals, 'enter' | 'left' | 'seat' | 'unseat'>;
  /** Whether there is no room for one more connection on this node. */
  readonly isFull: () => boolean;
  readonly metrics: Pick<Metrics, 'limited'>;
  readonly clock: Pick<Clock, 'elapsed'>;
  readonly log: Log;
}

type Events = readonly DurableEvent[];
type Refused = { readonly refusal: Refusal };
const ENDED: Refused = {
  refusal: {
    code: 'unauthorized',
    message: 'your token has ended while you waited: come back with a new one',
  },
};

/** Requests that wait until there is something to answer. */
export interface LongPolls {
  /**
   * Resolves with events as soon as there are any after `wish.after`; with none when the time is over, the client is gone or
   * the node goes down. Rejects as the store does. Waiting counts as a connection.
   */
  wait(wish: Wish, waiter: Waiter): Promise<Events | Refused>;
}

export function createLongPolls(parts: Parts): LongPolls {
  const { engine, arrivals, metrics, clock, log } = parts;
  const read = createSharedReads(parts.store);
  const pace = createAnswerPace();
  let waiting = 0;

  function turnAway(turned: TurnedAway): Refused {
    metrics.limited(turned.limit);
    return { refusal: turned };
  }

  /** Takes the places that a connection takes; `null`: it has them, and `leave` gives them back. */
  function enter({ ip, grant }: Waiter): Refused | null {
    if (waiting >= MOST_WAITING) {
      metrics.limited('long_polls');
      return {
        refusal: { code: 'unavailable', message: 'too many wait for events here; try again in a second' },
      };
    }
    if (parts.isFull()) return { refusal: { code: 'unavailable', message: FULL } };
    const tooMany = arrivals.enter(ip);
    if (tooMany !== null) return turnAway(tooMany);
    const tooManyOfUser = isCounted(grant) ? arrivals.seat(grant.user ?? '') : null;
    if (tooManyOfUser !== null) {
      arrivals.left(ip);
      return turnAway(tooManyOfUser);
    }
    waiting++;
    return null;
  }

  function leave({ ip, grant }: Waiter): void {
    waiting--;
    arrivals.left(ip);
    if (isCounted(grant)) arrivals.unseat(grant.user ?? '');
  }

  function isCounted(grant: Grant): boolean {
    return grant.user !== null && !engine.access.isTrusted(grant);
  }

  async function watch(wish: Wish, onGone: Waiter['onGone']): Promise<Events | Refused> {
    const watch = engine.watch(wish.room_id);
    if (watch === null) return { refusal: GOING_DOWN };
    onGone(() => watch.end());
    const end = clock.elapsed() + wish.ms;
    try {
      // While the broker is away it is not heard for long: nobody waits for that beyond their time.
      await Promise.race([watch.heard, watch.changed(watch.version, wish.ms)]);
    } catch (cause) {
      log.warn({ room_id: wish.room_id, cause: errorText(cause) }, 'long poll: its room cannot be heard');
      watch.end();
      return {
        refusal: {
          code: 'unavailable',
          message: 'this room cannot be heard just now; come back in a moment',
        },
      };
    }
    try {
      for (;;) {
        const { version } = watch;
        const events = await read(wish, version);
        const leftMs = end - clock.elapsed();
        if (events.length > 0) await pace.wait(events.length);
        if (events.length > 0 || leftMs <= 0 || watch.isOver) return events;
        await watch.changed(version, leftMs);
        // Nothing has come in time.
        if (watch.version === version) return events;
      }
    } finally {
      watch.end();
    }
  }

  return {
    async wait(wish, waiter) {
      const refused = enter(waiter);
      if (refused !== null) return refused;
      try {
        const found = await watch(wish, waiter.onGone);
        // Nobody reads on with a token that has ended meanwhile.
        return engine.access.isGood(waiter.grant) ? found : ENDED;
      } finally {
        leave(waiter);
      }
    },
  };
}

/**
 * An event wakes all who wait in its room, and most of them want the same page: those share one read. They share none that
 * began before the event that woke them.
 */
function createSharedReads(store: Pick<Reads, 'history'>) {
  const underWay = new Map<string, Promise<Events>>();
  return ({ room_id, after, limit }: Wish, version: number): Promise<Events> => {
    // A version belongs to one room.
    const key = `${version} ${after} ${limit}`;
    const shared = underWay.get(key);
    if (shared !== undefined) return shared;
    const read = store
      .history({ room_id, after, limit, messages_only: false })
      .finally(() => underWay.delete(key));
    underWay.set(key, read);
    return read;
  };
}
