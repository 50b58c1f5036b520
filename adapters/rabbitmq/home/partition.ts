import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { errorText } from '../../../engine/errors.js';
import type { BrokerHandlers } from '../../../engine/ports.js';
import type { Part } from '../connection/link.js';
import { createPoison } from './poison.js';
import { closeChannel } from '../connection/publisher.js';
import { createSession, type PartitionSession, type SessionParts } from './session.js';
import { commandQueue } from '../topology.js';

/** One partition that this node consumes. The broker decides whether the node is its home at a given time. */
export interface Partition extends Part {
  /** Whether commands were delivered since this node subscribed to it, which means that this node is its home. */
  readonly isActive: boolean;
  /**
   * Goes to the end of the line of nodes that wait to be its home. If this node is the home, it first finishes pending
   * commands, for at most `ms`, and the next node follows. Never rejects.
   */
  subscribeAgain(ms: number): Promise<void>;
  /** Hands over for good: finishes pending commands, for at most `ms`, and leaves the rest to the next home. */
  finish(ms: number): Promise<void>;
}

interface Parts extends Omit<SessionParts, 'handlers' | 'poison'> {
  readonly nodeId: string;
  readonly deliveryLimit: number;
  readonly isStoreReady: () => boolean;
  readonly handlers: () => BrokerHandlers;
  readonly broken: (reason: string) => void;
  /** Called when a command of this partition was delivered. */
  readonly served: (partition: number) => void;
}

export function createPartition(parts: Parts): Partition {
  const { clock, partition } = parts;
  const poison = createPoison(parts.deliveryLimit, parts.isStoreReady);
  let model: ChannelModel | null = null;
  let channel: Channel | null = null;
  let session: PartitionSession | null = null;
  let finished = false;

  function endSession(): void {
    const ended = session;
    session = null;
    channel = null;
    if (ended) poison.outlived(ended.end());
  }

  async function subscribe(to: ChannelModel): Promise<void> {
    const opened = await to.createChannel();
    let reason = `the consumer of partition ${partition} ended`;
    opened.on('error', (cause) => (reason = cause.message));
    opened.on('close', () => {
      if (channel === opened) parts.broken(reason);
    });
    await opened.prefetch(parts.prefetch);
    const fresh = createSession(opened, { ...parts, handlers: parts.handlers(), poison });
    channel = opened;
    session = fresh;
    const arrived = (message: ConsumeMessage | null): void => {
      if (message) {
        fresh.arrived(message);
        parts.served(partition);
      } else parts.broken(`the queue of partition ${partition} was deleted`);
    };
    // The tag shows operators which node it is: rabbitmqctl list_consumers.
    await opened.consume(commandQueue(partition), arrived, { consumerTag: parts.nodeId });
  }

  /*
   * By closing the channel, not by cancelling the consumer: after a cancel the next home gets later messages while this
   * node still has earlier ones, and those that are returned arrive behind them. A closed channel returns all messages to
   * their places in the queue.
   */
  async function handOver(ms: number): Promise<void> {
    if (!session || !channel) return;
    const [ours, closing] = [session, channel];
    let cancel = (): void => undefined;
    const late = new Promise<void>((over) => (cancel = clock.after(ms, over)));
    await Promise.race([ours.finish(), late]);
    if (channel === closing) {
      endSession();
      // amqplib never settles this if the broker does not answer or the connection ends meanwhile.
      await Promise.race([closeChannel(closing), late]);
    }
    cancel();
  }

  return {
    async open({ consuming }) {
      model = consuming;
      if (!finished) await subscribe(consuming);
    },
    lost() {
      model = null;
      endSession();
    },
    async close() {
      const closing = channel;
      // Before the channel is closed, since the next home starts then.
      endSession();
      if (closing) await closeChannel(closing);
    },
    get isActive() {
      return session?.isActive === true;
    },
    async subscribeAgain(ms) {
      const on = model;
      if (finished || on === null || channel === null) return;
      await handOver(ms);
      if (finished || on !== model || channel !== null) return;
      try {
        await subscribe(on);
      } catch (cause) {
        if (on === model) parts.broken(errorText(cause));
      }
    },
    async finish(ms) {
      finished = true;
      await handOver(ms);
    },
  };
}
