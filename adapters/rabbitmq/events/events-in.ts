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
  /** The broker accepts messages again, after an alarm in which homes could not publish their events. */
  unblocked(): void;
}

interface Parts {
  readonly nodeId: string;
  readonly handlers: () => BrokerHandlers;
  /** How long a subscription may wait for a connection, ms. */
  readonly waitMs: number;
  /** Most messages in this node's queue for events. */
  readonly limit: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly isNewer: IsNewer;
  /** Whether other nodes may have taken this one for gone before it had the present link. */
  readonly mayBeGone: () => boolean;
  readonly broken: (reason: string) => void;
}

interface Subscription {
  /** Audiences that want this slot. */
  count: number;
  bound: boolean;
  /** Set while no audience wants it and its binding is kept a little longer; stops the timer. */
  stopRemoval: (() => void) | null;
  /** Calls of `subscribe` that wait for the binding. */
  waiting: { readonly resolve: () => void; readonly cancel: () => void }[];
}

/** A node that loses events because it reads too slowly reads the store instead, at most once in this time, ms. */
const OVERFLOW_MS = 5_000;
/** The same for events of a newer Parlor, ms. It is the delay of conversations between nodes of both versions. */
const NEWER_MS = 1_000;

/**
 * After an alarm, events may be missing for good: their home acknowledged their commands when they were stored (see
 * `events-out.ts`) and died before it could publish them. So each node reads the store. It does so with this delay, ms,
 * because a home that does not know yet that the alarm is over continues to acknowledge in this way.
 */
const AFTER_ALARM_MS = 1_000;

/**
 * How long to wait for a binding, ms. Each takes RabbitMQ some milliseconds and a transaction over its cluster, and when
 * many clients connect at once there is a backlog of 1,000: so this is longer than the wait for an answer.
 */
const BIND_MS = 30_000;
/** How long an unused binding is kept, ms: clients that lose their connections soon come back. */
const KEEP_MS = 60_000;

function overflowOf(queue: string): string {
  return `${queue}.overflow`;
}

/** Receives the events that other nodes publish, for the slots in which this node has audiences. */
export function createEventsIn(parts: Parts): EventsIn {
  const { nodeId, clock, log, meter, limit } = parts;
  const subscriptions = new Map<number, Subscription>();
  let channel: Channel | null = null;
  let queue = '';
  let wasLost = false;
  let endPause = (): void => undefined;
  let cancelRead = (): void => undefined;
  /** Set for NEWER_MS after newer events were reported as missed; stops the timer. */
  let cancelNewer: (() => void) | null = null;
  /** Whether more newer events arrived in that time. */
  let hasUnreported = false;

  /** Events that cannot be read are in the store, too, so audiences are told to read that. */
  function newerArrived(): void {
    hasUnreported = cancelNewer !== null;
    if (hasUnreported) return;
    cancelNewer = clock.after(NEWER_MS, () => {
      cancelNewer = null;
      if (hasUnreported) newerArrived();
    });
    parts.handlers().missed(false);
  }

  function arrived(message: ConsumeMessage | null): void {
    if (message === null) {
      parts.broken('the event queue was deleted');
      return;
    }
    // This node's own events: its audiences had them before they were published.
    if (message.properties.appId === nodeId) return;
    // The binding is only being kept: no audience here wants the event.
    if (subscriptions.get(Number(message.fields.routingKey))?.count === 0) return;
    if (parts.isNewer('event', message)) {
      newerArrived();
      return;
    }
    const { events, faults } = readEvents(message.content, message.fields.routingKey);
    if (faults.length > 0) {
      meter.dropped('undecodable_event');
      log.warn(
        { app_id: String(message.properties.appId), fault: faults[0] },
        'rabbitmq: a message on the event queue is not an event',
      );
    }
    if (events.length > 0) parts.handlers().events(events);
  }

  async function bind(to: Channel, slot: number, subscription: Subscription): Promise<void> {
    await to.bindQueue(queue, EVENTS, String(slot));
    if (channel !== to) return;
    subscription.bound = true;
    for (const { resolve, cancel } of subscription.waiting.splice(0)) {
      cancel();
      resolve();
    }
  }

  function unbind(slot: number): void {
    subscriptions.delete(slot);
    channel
      ?.unbindQueue(queue, EVENTS, String(slot))
      .catch((cause: unknown) => parts.broken(errorText(cause)));
  }

  /**
   * Events that the queue drops are dead-lettered into a queue for one message: a delivery from it means that events were
   * lost. It is acknowledged late, so that a node that cannot keep up reads the store now and then, not all the time.
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
      await Promise.all([...subscriptions].map(([slot, subscription]) => bind(opened, slot, subscription)));
      if (wasLost && channel === opened) parts.handlers().missed(parts.mayBeGone());
      wasLost = false;
    },
    lost() {
      wasLost ||= channel !== null;
      channel = null;
      endPause();
      cancelRead();
      cancelNewer?.();
      cancelNewer = null;
      for (const subscription of subscriptions.values()) subscription.bound = false;
    },
    async close() {
      for (const { stopRemoval } of subscriptions.values()) stopRemoval?.();
      if (channel !== null) await closeChannel(channel);
    },
    subscribe(slot) {
      let subscription = subscriptions.get(slot);
      if (!subscription)
        subscriptions.set(slot, (subscription = { count: 0, bound: false, stopRemoval: null, waiting: [] }));
      subscription.count++;
      subscription.stopRemoval?.();
      subscription.stopRemoval = null;
      if (subscription.bound) return Promise.resolve();
      const { waiting } = subscription;
      const isBinding = subscription.count > 1 && waiting.length > 0;
      const bound = new Promise<void>((resolve, reject) => {
        const waitMs = channel === null ? parts.waitMs : Math.max(parts.waitMs, BIND_MS);
        const cancel = clock.after(waitMs, () => {
          waiting.splice(waiting.indexOf(waiter), 1);
          // Clients may see this text. The reason, which names the broker, is in `state` and in the log.
          reject(new Error('the events of this room are not available now'));
        });
        const waiter = { resolve, cancel };
        waiting.push(waiter);
      });
      if (channel !== null && !isBinding) {
        // If there is no channel, or it ends meanwhile, the next connection binds it.
        bind(channel, slot, subscription).catch((cause: unknown) => parts.broken(errorText(cause)));
      }
      return bound;
    },
    unblocked() {
      cancelRead();
      cancelRead = clock.after(AFTER_ALARM_MS, () => {
        if (channel !== null) parts.handlers().missed(false);
      });
    },
    unsubscribe(slot) {
      const subscription = subscriptions.get(slot);
      if (subscription && --subscription.count === 0)
        subscription.stopRemoval = clock.after(KEEP_MS, () => unbind(slot));
    },
  };
}
