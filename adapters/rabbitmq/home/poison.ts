import { createHash } from 'node:crypto';
import type { Message } from 'amqplib';

/** `handle`: as any other; `alone`: with nothing else of its partition under way; `dead`: not again. */
export type Verdict = 'handle' | 'alone' | 'dead';

/**
 * Which message kills who handles it. RabbitMQ counts how often a message of a quorum queue went back to it. Seen on
 * 3.10.8: `x-delivery-count` rises at each closed channel and each lost connection, for every message held then,
 * looked at or not. 4.3 has two counts, `x-acquired-count` for every return and `x-delivery-count` for failures
 * (rabbitmq-website pull request 2508, rabbitmq-server pull request 15387); the larger one is taken. So the count
 * alone would condemn the innocent that stood behind a killer, and what was only held in an outage. Therefore:
 *
 * - a message that this process held before and outlived is not the killer, whatever its count;
 * - from a quarter of the limit on a message is handled alone: those that are harmless are gone after it;
 * - beyond the limit, only the first of a new consumer dies: it was the one that was alone when the last process ended;
 * - none dies while the store is not ready: then a process ends for other reasons, and messages are held in vain.
 *
 * An outage raises the count by one a node, however long it lasts: what is retried stays with the process (see
 * `session.ts`), and once its link is lost, a node takes no more before its store is ready (see `gate.ts`). So the limit
 * is high. A killer costs as many restarts, which an operator sees; a good command that is given up nobody sees.
 */
export interface Poison {
  judge(message: Message, isFirst: boolean): Verdict;
  /** The connection was lost with these in hand, and the process lives. */
  outlived(messages: Iterable<Message>): void;
}

/** How many messages are remembered as outlived: some times what the partition may hold at once. */
const REMEMBERED = 1_000;

/** `limit`: deliveries after which a message may be given up. */
export function createPoison(limit: number, isStoreReady: () => boolean): Poison {
  const harmless = new Set<string>();
  const aloneFrom = Math.ceil(limit / 4);
  return {
    judge(message, isFirst) {
      const deliveries = deliveryCount(message) + 1;
      if (deliveries < aloneFrom || harmless.has(keyOf(message))) return 'handle';
      return deliveries > limit && isFirst && isStoreReady() ? 'dead' : 'alone';
    },
    outlived(messages) {
      for (const message of messages) {
        const key = keyOf(message);
        harmless.delete(key);
        harmless.add(key);
      }
      for (const oldest of harmless) {
        if (harmless.size <= REMEMBERED) break;
        harmless.delete(oldest);
      }
    },
  };
}

/** How often a message was delivered before. */
function deliveryCount({ properties }: Message): number {
  const counts: unknown[] = [
    properties.headers?.['x-delivery-count'],
    properties.headers?.['x-acquired-count'],
  ];
  return Math.max(0, ...counts.filter((count) => typeof count === 'number'));
}

/** A foreign message may have no id; then it is known by its body. */
function keyOf({ properties, content }: Message): string {
  const id: unknown = properties.messageId;
  return typeof id === 'string' ? id : createHash('sha1').update(content).digest('base64');
}
