import type { Channel, ConsumeMessage } from 'amqplib';
import { errorText } from '../../../engine/errors.js';
import { newId } from '../../../engine/ids.js';
import type { BrokerHandlers, Clock, Log, Meter } from '../../../engine/ports.js';
import type { Part } from '../connection/link.js';
import { closeChannel } from '../connection/publisher.js';
import type { IsNewer } from '../newer.js';
import { EVENTS } from '../topology.js';
import { readEvents } from '../wire.js';

export interface EventsIn extends Part {
  subscribe(slot: number): Promise<void>;
  unsubscribe(slot: number): void;
  /** The broker accepts events again, after an alarm in which homes could not publish theirs. */
  unblocked(): void;
}

interface Parts {
  readonly nodeId: string;
  readonly handlers: () => BrokerHandlers;
  /** How long a subscription may wait for a connection, ms. */
  readonly waitMs: number;
  /** Messages with events that may wait for this node. */
  readonly limit: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly isNewer: IsNewer;
  /** Whether others may have taken this node for gone before this link. */
  readonly mayBeGone: () => boolean;
  readonly broken: (reason: string) => void;
}

interface Subscription {
  /** Audiences that want this slot. */
  count: number;
  bound: boolean;
  /** Ends the time for which nobody needs it and it is kept; null: it is needed. */
  endKeeping: (() => void) | null;
  waiting: { readonly heard: () => void; readonly cancel: () => void }[];
}

/** A node that loses events because it reads too slowly is told so at most so often, ms: it reads the store then. */
const OVERFLOW_MS = 5_000;
/** The same for events of a newer Parlor: a conversation that goes over both is late by so much, ms. */
const NEWER_MS = 1_000;

/**
 * After an alarm, events may be missing for ever: their home acknowledged their commands when they were stored (see
 * `events-out.ts`) and died before it could publish them. So each node reads the store, so many ms later, because a home
 * that has not heard of the alarm's end yet goes on acknowledging so for a moment.
 */
const AFTER_ALARM_MS = 1_000;

/**
 * A binding takes RabbitMQ some milliseconds and a transaction over its cluster, and when many clients come at once 1,000
 * of them stand in line: so whoever waits for one has more time than for an answer, ms …
 */
const BIND_MS = 30_000;
/** … and one that nobody needs is kept for so long, ms: clients that lose their connections are soon back. */
const KEEP_MS = 60_000;

function overflowOf(queue: string): string {
  return `${queue}.overflow`;
}

/** What the other nodes publish, for the slots in which this one has an audience. */
export function createEventsIn(parts: Parts): EventsIn {
  const { nodeId, clock, log, meter, limit } = parts;
  const wanted = new Map<number, Subscription>();
  let channel: Channel | null = null;
  let queue = '';
  let wasLost = false;
  let endPause = (): void => undefined;
  let cancelRead = (): void => undefined;
  /** Ends the pause after newer events were told of; null: there is none. */
  let endNewerPause: (() => void) | null = null;
  let isUntold = false;

  /** What cannot be read is in the store all the same, so audiences are told to read that. */
  function tellOfNewer(): void {
    isUntold = endNewerPause !== null;
    if (isUntold) return;
    endNewerPause = clock.after(NEWER_MS, () => {
      endNewerPause = null;
      if (isUntold) tellOfNewer();
    });
    parts.handlers().missed(false);
  }

  function arrived(message: ConsumeMessage | null): void {
    if (message === null) {
      parts.broken('the event queue was deleted');
      return;
    }
    // Its own audiences had it before it was published.
    if (message.properties.appId === nodeId) return;
    // Its binding is kept, and nobody here wants it.
    if (wanted.get(Number(message.fields.routingKey))?.count === 0) return;
    if (parts.isNewer('event', message)) {
      tellOfNewer();
      return;
    }
    const { events, faults } = readEvents(message.content, message.fields.routingKey);
    if (faults.length > 0) {
      meter.dropped('undecodable_event');
      log.warn(
        { app_id: String(message.properties.appId), fault: faults[0] },
        'rabbitmq: what arrived is no event',
      );
    }
    if (events.length > 0) parts.handlers().events(events);
  }

  async function bind(to: Channel, slot: number, subscription: Subscription): Promise<void> {
    await to.bindQueue(queue, EVENTS, String(slot));
    if (channel !== to) return;
    subscription.bound = true;
    for (const { heard, cancel } of subscription.waiting.splice(0)) {
      cancel();
      heard();
    }
  }

  function unbind(slot: number): void {
    wanted.delete(slot);
    channel
      ?.unbindQueue(queue, EVENTS, String(slot))
      .catch((cause: unknown) => parts.broken(errorText(cause)));
  }

  /**
   * What the queue drops goes into a queue that holds one message: when that is handed over, something was lost. It is
   * acknowledged late, so that a node that cannot keep up reads the store now and then, and not all the time.
   */
  async function openOverflow(opened: Channel): Promise<void> {
    const name = overflowOf(queue);
    const limits = { 'x-max-length': 1 };
    await opened.assertQueue(name, { exclusive: true, autoDelete: true, durable: false, arguments: limits });
    await opened.prefetch(1);
    await opened.consume(name, (message) => {
      if (message === null || channel !== opened) return;
      meter.dropped('event_queue_full');
      parts.handlers().missed(false);
      endPause = clock.after(OVERFLOW_MS, () => opened.ack(message));
    });
  }

  return {
    async open({ consuming }) {
      const opened = await consuming.createChannel();
      let reason = 'the event queue was closed';
      opened.on('error', (cause) => (reason = cause.message));
      opened.on('close', () => parts.broken(reason));
      queue = `parlor.events.${nodeId}.${newId().slice(-12)}`;
      const limits = {
        'x-max-length': limit,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': overflowOf(queue),
      };
      await opened.assertQueue(queue, {
        exclusive: true,
        autoDelete: true,
        durable: false,
        arguments: limits,
      });
      await opened.consume(queue, arrived, { noAck: true });
      channel = opened;
      await openOverflow(opened);
      await Promise.all([...wanted].map(([slot, subscription]) => bind(opened, slot, subscription)));
      if (wasLost && channel === opened) parts.handlers().missed(parts.mayBeGone());
      wasLost = false;
    },
    lost() {
      wasLost ||= channel !== null;
      channel = null;
      endPause();
      cancelRead();
      endNewerPause?.();
      endNewerPause = null;
      for (const subscription of wanted.values()) subscription.bound = false;
    },
    async close() {
      for (const { endKeeping } of wanted.values()) endKeeping?.();
      if (channel !== null) await closeChannel(channel);
    },
    subscribe(slot) {
      let subscription = wanted.get(slot);
      if (!subscription)
        wanted.set(slot, (subscription = { count: 0, bound: false, endKeeping: null, waiting: [] }));
      subscription.count++;
      subscription.endKeeping?.();
      subscription.endKeeping = null;
      if (subscription.bound) return Promise.resolve();
      const { waiting } = subscription;
      const asked = subscription.count > 1 && waiting.length > 0;
      const heard = new Promise<void>((resolve, reject) => {
        const waitMs = channel === null ? parts.waitMs : Math.max(parts.waitMs, BIND_MS);
        const cancel = clock.after(waitMs, () => {
          waiting.splice(waiting.indexOf(waiter), 1);
          // A client may be told this: the reason, which names the broker, is in `state` and in the log.
          reject(new Error('the events of this room cannot be had now'));
        });
        const waiter = { heard: resolve, cancel };
        waiting.push(waiter);
      });
      if (channel !== null && !asked) {
        // Without a channel, or when it ends over this, the next connection binds it.
        bind(channel, slot, subscription).catch((cause: unknown) => parts.broken(errorText(cause)));
      }
      return heard;
    },
    unblocked() {
      cancelRead();
      cancelRead = clock.after(AFTER_ALARM_MS, () => {
        if (channel !== null) parts.handlers().missed(false);
      });
    },
    unsubscribe(slot) {
      const subscription = wanted.get(slot);
      if (subscription && --subscription.count === 0)
        subscription.endKeeping = clock.after(KEEP_MS, () => unbind(slot));
    },
  };
}
