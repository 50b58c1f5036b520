import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { errorText } from '../../engine/errors.js';
import { newId } from '../../engine/ids.js';
import type { BrokerHandlers, Clock, Log, Meter } from '../../engine/ports.js';
import type { Part } from './link.js';
import { closeChannel } from './publisher.js';
import { EVENTS } from './topology.js';
import { readEvents } from './wire.js';

export interface EventsIn extends Part {
  subscribe(slot: number): Promise<void>;
  unsubscribe(slot: number): void;
}

interface Parts {
  readonly nodeId: string;
  readonly handlers: () => BrokerHandlers;
  /** How long a subscription may wait for a connection, ms. */
  readonly waitMs: number;
  readonly reason: () => string | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly broken: (reason: string) => void;
}

interface Subscription {
  /** Audiences that want this slot. */
  count: number;
  bound: boolean;
  waiting: { readonly heard: () => void; readonly cancel: () => void }[];
}

/** A node that reads slower than it is sent to loses the oldest; its audiences see the gap and read the store. */
const QUEUE_LIMIT = 100_000;

/** What the other nodes publish, for the slots in which this one has an audience. */
export function createEventsIn(parts: Parts): EventsIn {
  const { nodeId, clock, log, meter } = parts;
  const wanted = new Map<number, Subscription>();
  let channel: Channel | null = null;
  let queue = '';

  function arrived(message: ConsumeMessage | null): void {
    if (message === null) {
      parts.broken('the event queue was deleted');
      return;
    }
    // Its own audiences had it before it was published.
    if (message.properties.appId === nodeId) return;
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

  return {
    async open(model: ChannelModel) {
      const opened = await model.createChannel();
      let reason = 'the event queue was closed';
      opened.on('error', (cause) => (reason = cause.message));
      opened.on('close', () => parts.broken(reason));
      queue = `parlor.events.${nodeId}.${newId().slice(-12)}`;
      const limits = { 'x-max-length': QUEUE_LIMIT };
      await opened.assertQueue(queue, {
        exclusive: true,
        autoDelete: true,
        durable: false,
        arguments: limits,
      });
      await opened.consume(queue, arrived, { noAck: true });
      channel = opened;
      await Promise.all([...wanted].map(([slot, subscription]) => bind(opened, slot, subscription)));
    },
    lost() {
      channel = null;
      for (const subscription of wanted.values()) subscription.bound = false;
    },
    close: async () => (channel === null ? undefined : closeChannel(channel)),
    subscribe(slot) {
      let subscription = wanted.get(slot);
      if (!subscription) wanted.set(slot, (subscription = { count: 0, bound: false, waiting: [] }));
      subscription.count++;
      if (subscription.bound) return Promise.resolve();
      const { waiting } = subscription;
      const asked = subscription.count > 1 && waiting.length > 0;
      const heard = new Promise<void>((resolve, reject) => {
        const cancel = clock.after(parts.waitMs, () => {
          waiting.splice(waiting.indexOf(waiter), 1);
          reject(
            new Error(
              `the events of this room cannot be had: ${parts.reason() ?? 'the broker does not answer'}`,
            ),
          );
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
    unsubscribe(slot) {
      const subscription = wanted.get(slot);
      if (!subscription || --subscription.count > 0) return;
      wanted.delete(slot);
      channel
        ?.unbindQueue(queue, EVENTS, String(slot))
        .catch((cause: unknown) => parts.broken(errorText(cause)));
    },
  };
}
