import { isDurable, type RoomEvent } from '../../../engine/messages/events.js';
import type { Log, Meter } from '../../../engine/ports.js';
import { slotOf } from '../../../engine/slots.js';
import type { Part } from '../connection/link.js';
import { openPublisher, type Publisher } from '../connection/publisher.js';
import { EVENTS } from '../topology.js';
import { BODY_GOAL, VERSIONED } from '../wire.js';

export interface EventsOut extends Part {
  /**
   * Resolves when the broker has confirmed all of them; rejects when they are given up. While the broker is blocked, it
   * resolves at once: the commands of stored events must be acknowledged, or the queue that caused the alarm could not be
   * emptied. The events are published after the alarm; those that are lost by then, every node reads in the store (see
   * `events-in.ts`).
   */
  add(events: readonly RoomEvent[]): Promise<void>;
  flush(): void;
  /** The broker accepts no events: resolves all calls that wait for a confirmation. */
  blocked(): void;
  /** Rejects all calls that wait for a confirmation, and all later ones. */
  refuseAll(): void;
}

interface Parts {
  readonly nodeId: string;
  readonly log: Log;
  readonly meter: Meter;
  readonly reason: () => string | null;
  readonly isBlocked: () => boolean;
  readonly broken: (reason: string) => void;
}

/** One call of `add` that waits for the confirmation of its events. */
interface Call {
  /** Batches with its events that are not confirmed. */
  open: number;
  readonly done: () => void;
  readonly failed: (cause: Error) => void;
}

/** Events of one slot in one AMQP message. */
interface Batch {
  readonly slot: number;
  /** Each event as JSON. */
  readonly texts: string[];
  size: number;
  /** It has an event that is stored. */
  durable: boolean;
  readonly calls: Set<Call>;
}

/** Most events that may be unconfirmed, also while there is no connection: some tens of megabytes. */
const UNCONFIRMED_LIMIT = 50_000;
const TOO_LONG =
  'rabbitmq: the alarm lasts too long: later events are dropped. Nodes read them in the store after the alarm; ' +
  'services that follow parlor.events miss them';

/**
 * Publishes this node's events for the others. Events of one turn share one message per slot. After a lost connection,
 * unconfirmed messages are retried before others are sent.
 */
export function createEventsOut(parts: Parts): EventsOut {
  let publisher: Publisher | null = null;
  /** The batches of this turn, to which more events may be added. */
  let gathering = new Map<number, Batch>();
  /** Batches that are not sent yet, in order. */
  let waiting: Batch[] = [];
  /** Batches that are not confirmed yet. */
  const sent = new Set<Batch>();
  let unconfirmed = 0;
  let closed = false;
  /** Whether it was logged in this alarm that events are dropped. */
  let isLogged = false;

  function add(events: readonly RoomEvent[]): Promise<void> {
    if (closed) return Promise.reject(new Error('the broker is closed'));
    if (events.length === 0) return Promise.resolve();
    if (unconfirmed + events.length > UNCONFIRMED_LIMIT) return dropped(events.length);
    unconfirmed += events.length;
    return new Promise((done, failed) => {
      gather(events, { open: 0, done, failed });
      if (parts.isBlocked()) done();
    });
  }

  function dropped(count: number): Promise<void> {
    parts.meter.dropped('event_buffer_full', count);
    if (!parts.isBlocked()) {
      return Promise.reject(new Error('too many events wait for the broker'));
    }
    if (!isLogged) parts.log.warn({ waiting: unconfirmed }, TOO_LONG);
    isLogged = true;
    return Promise.resolve();
  }

  function gather(events: readonly RoomEvent[], call: Call): void {
    if (gathering.size === 0) queueMicrotask(flush);
    for (const event of events) {
      const slot = slotOf(event.room_id);
      let batch = gathering.get(slot);
      if (!batch || batch.size >= BODY_GOAL) {
        if (batch) waiting.push(batch);
        batch = { slot, texts: [], size: 0, durable: false, calls: new Set() };
        gathering.set(slot, batch);
      }
      const text = JSON.stringify(event);
      batch.texts.push(text);
      batch.size += text.length;
      batch.durable ||= isDurable(event);
      if (batch.calls.has(call)) continue;
      batch.calls.add(call);
      call.open++;
    }
  }

  function flush(): void {
    waiting.push(...gathering.values());
    gathering = new Map();
    if (publisher === null || parts.reason() !== null) return;
    let count = 0;
    for (const batch of waiting) {
      if (!publisher.hasRoom) break;
      send(publisher, batch);
      count++;
    }
    waiting = waiting.slice(count);
  }

  function send(to: Publisher, batch: Batch): void {
    sent.add(batch);
    const body = Buffer.from(`[${batch.texts.join(',')}]`);
    // Ephemeral events are only for clients that are connected now, so they are not worth a write to disk.
    const options = {
      persistent: batch.durable,
      contentType: 'application/json',
      headers: VERSIONED,
      appId: parts.nodeId,
    };
    to.publish({ exchange: EVENTS, key: String(batch.slot), body, options }, (outcome) => {
      // A lost batch is retried over the next connection.
      if (outcome === 'lost' || !sent.delete(batch)) return;
      finish(batch, outcome === 'confirmed' ? null : new Error('the broker refused the events'));
    });
  }

  function finish(batch: Batch, cause: Error | null): void {
    unconfirmed -= batch.texts.length;
    for (const call of batch.calls) {
      if (cause) call.failed(cause);
      else if (--call.open === 0) call.done();
    }
  }

  return {
    add,
    flush,
    blocked() {
      isLogged = false;
      for (const batch of [...sent, ...waiting, ...gathering.values()])
        for (const call of batch.calls) call.done();
    },
    async open({ publishing }) {
      publisher = await openPublisher(publishing, { onRoom: flush, broken: parts.broken });
    },
    lost() {
      publisher = null;
      waiting = [...sent, ...waiting];
      sent.clear();
    },
    close: async () => publisher?.close(),
    refuseAll() {
      closed = true;
      const open = [...sent, ...waiting, ...gathering.values()];
      sent.clear();
      waiting = [];
      gathering = new Map();
      for (const batch of open)
        finish(batch, new Error('the broker was closed before it confirmed the events'));
    },
  };
}
