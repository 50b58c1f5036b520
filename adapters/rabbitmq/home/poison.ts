import { createHash } from 'node:crypto';
import type { Message } from 'amqplib';

/** `handle`: as any other; `alone`: with nothing else of its partition under way; `dead`: not again. */
export type Verdict = 'handle' | 'alone' | 'dead';

/**
 * Which message kills who handles it. RabbitMQ counts how often a message of a quorum queue went back to it. Seen on
 * 3.10.8: `x-delivery-count` rises at each closed channel and each lost connection, for every message held then,
 * looked at or not. 4.3 has two counts, `x-acquired-count` for every return and `x-delivery-count` for failures
 * (rabbitmq-website pull request 2508, rabbitmq-server pull request 15387); the larger one is taken. So the count
 * alone would condemn the innocent that stood behind a killer. Therefore:
 *
 * - a message that this process held before and outlived is not the killer, whatever its count;
 * - at its last permitted delivery a message is handled alone: those that are harmless are gone after it;
 * - beyond it, only the first of a new consumer dies: it was the one that was alone when the last process ended.
 *
 * A store that is down for hours adds nothing: what is retried stays with the process (see `partition.ts`).
 */
export interface Poison {
  judge(message: Message, isFirst: boolean): Verdict;
  /** The connection was lost with these in hand, and the process lives. */
  outlived(messages: Iterable<Message>): void;
}

export function createPoison(limit: number): Poison {
  let harmless = new Set<string>();
  return {
    judge(message, isFirst) {
      const deliveries = deliveryCount(message) + 1;
      if (deliveries < limit || harmless.has(keyOf(message))) return 'handle';
      return deliveries > limit && isFirst ? 'dead' : 'alone';
    },
    outlived(messages) {
      harmless = new Set([...messages].map(keyOf));
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
