import { createHash } from 'node:crypto';
import type { Message } from 'amqplib';

/** `handle`: like any other message; `alone`: while no other command of its partition is pending; `dead`: not any more. */
export type Verdict = 'handle' | 'alone' | 'dead';

/**
 * Finds messages that kill each process that handles them. RabbitMQ counts how often a message was returned to its quorum
 * queue. On 3.10.8, `x-delivery-count` was seen to rise at each closed channel and each lost connection, for every
 * unacknowledged message, whether or not it was handled. 4.3 has two counts, `x-acquired-count` for every return and
 * `x-delivery-count` for failures (rabbitmq-website pull request 2508, rabbitmq-server pull request 15387); the larger one
 * is used here. By the count alone, messages behind the killer would be dead-lettered, too, and those that only waited
 * during an outage. Therefore:
 *
 * - a message that this process had before, and survived, is not the killer, whatever its count;
 * - from a quarter of the limit on, a message is handled alone: harmless ones succeed then;
 * - beyond the limit, only the first message of a new consumer is dead-lettered: it was the one that was handled alone when
 *   the last process ended;
 * - none is dead-lettered while the store is not ready: processes end for other reasons then.
 *
 * An outage raises the count by one for each node, however long it lasts: commands that are retried stay in the process (see
 * `session.ts`), and a node that has lost its link consumes nothing before its store is ready (see `gate.ts`). The limit is
 * high, because a killer costs as many restarts, which an operator notices, but nobody would notice a good command that was
 * dead-lettered.
 */
export interface Poison {
  judge(message: Message, isFirst: boolean): Verdict;
  /** The connection was lost while these were unacknowledged, and the process has survived. */
  outlived(messages: Iterable<Message>): void;
}

/** How many survived messages are remembered: several times the number that may be unacknowledged. */
const REMEMBERED = 1_000;

/** `limit`: deliveries after which a message may be dead-lettered. */
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

/** A message of a foreign service may have no id. Then it is recognized by its body. */
function keyOf({ properties, content }: Message): string {
  const id: unknown = properties.messageId;
  return typeof id === 'string' ? id : createHash('sha1').update(content).digest('base64');
}
