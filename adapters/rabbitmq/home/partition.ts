import type { Channel } from 'amqplib';
import type { BrokerHandlers } from '../../../engine/ports.js';
import type { Part } from '../connection/link.js';
import { createPoison } from './poison.js';
import { closeChannel } from '../connection/publisher.js';
import { createSession, type PartitionSession, type SessionParts } from './session.js';
import { commandQueue } from '../topology.js';

/** One partition, as this node consumes it. Whether it is its home at a moment is the broker's decision. */
export interface Partition extends Part {
  /** Hands over: ends what was begun, for at most `ms`, and leaves the rest to the next home. Final. */
  finish(ms: number): Promise<void>;
}

interface Parts extends Omit<SessionParts, 'handlers' | 'poison'> {
  readonly deliveryLimit: number;
  readonly isStoreReady: () => boolean;
  readonly handlers: () => BrokerHandlers;
  readonly broken: (reason: string) => void;
}

export function createPartition(parts: Parts): Partition {
  const { clock, partition } = parts;
  const poison = createPoison(parts.deliveryLimit, parts.isStoreReady);
  let channel: Channel | null = null;
  let session: PartitionSession | null = null;
  let finished = false;

  function lost(): void {
    const ended = session;
    session = null;
    channel = null;
    if (ended) poison.outlived(ended.end());
  }

  return {
    async open({ consuming }) {
      if (finished) return;
      const opened = await consuming.createChannel();
      let reason = `the consumer of partition ${partition} ended`;
      opened.on('error', (cause) => (reason = cause.message));
      opened.on('close', () => {
        if (channel === opened) parts.broken(reason);
      });
      await opened.prefetch(parts.prefetch);
      const fresh = createSession(opened, { ...parts, handlers: parts.handlers(), poison });
      channel = opened;
      session = fresh;
      await opened.consume(commandQueue(partition), (message) => {
        if (message) fresh.arrived(message);
        else parts.broken(`the queue of partition ${partition} was deleted`);
      });
    },
    lost,
    async close() {
      const closing = channel;
      // First: with the channel the next home begins.
      lost();
      if (closing) await closeChannel(closing);
    },
    /*
     * Not by cancelling the consumer: then the next home gets what follows while we still hold what came before,
     * and what we give back stands behind it. A closed channel gives everything back in its place (DESIGN 10).
     */
    async finish(ms) {
      finished = true;
      if (!session || !channel) return;
      const [ours, closing] = [session, channel];
      let cancel = (): void => undefined;
      const late = new Promise<void>((over) => (cancel = clock.after(ms, over)));
      await Promise.race([ours.finish(), late]);
      if (channel === closing) {
        lost();
        // amqplib never settles this when the broker does not answer, or the connection ends meanwhile.
        await Promise.race([closeChannel(closing), late]);
      }
      cancel();
    },
  };
}
