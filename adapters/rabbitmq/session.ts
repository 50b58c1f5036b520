import type { Channel, ConsumeMessage } from 'amqplib';
import { errorText } from '../../engine/errors.js';
import { refused, type Answer } from '../../engine/messages/answers.js';
import type { BrokerHandlers, Clock, Log } from '../../engine/ports.js';
import type { Answers } from './answers.js';
import type { DeadLetters } from './dead-letters.js';
import { condemn, HomeDelivery, openEnvelope, settle, type Envelope, type Item } from './envelope.js';
import type { Poison } from './poison.js';
import { stale } from './wire.js';

export interface SessionParts {
  readonly partition: number;
  readonly partitions: number;
  readonly answers: Answers;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly log: Log;
  readonly handlers: BrokerHandlers;
  readonly poison: Poison;
}

/** A partition on one channel, from its consumer's first message to the channel's end. */
export interface Session {
  arrived(message: ConsumeMessage): void;
  /** No more is handed to the engine. Resolves when what was handed is decided and acknowledged. */
  finish(): Promise<void>;
  /** The channel is gone: nothing is acknowledged any more. Returns what goes back to the queue. */
  end(): ConsumeMessage[];
  readonly underWay: number;
}

/** Commands of one partition in the engine at once: well below what a room's mailbox holds, so none overflows. */
const UNDER_WAY = 2_048;
/** Pause before commands are tried again for which nothing could be done, ms: doubled while it does not help. */
const BACKOFF = { first: 100, most: 5_000 };

/**
 * Hands the commands of a partition to the engine in their order, and acknowledges what is dealt with.
 *
 * `retry` keeps the order without the broker: when one command is to be tried again, no further one is handed out, and
 * those of its room that were handed out behind it say so (`overtakes`), and are given back in their turn; when those under way are decided and a pause is over, all that are to be tried again are handed out in their old
 * order, and then those behind them. Giving them back to the queue instead would raise their delivery count (see
 * `poison.ts`), make the broker's log grow, and let a second node overtake what is still under way here.
 */
export function createSession(channel: Channel, parts: SessionParts): Session {
  const { clock, log, poison, handlers } = parts;
  /** Everything not yet acknowledged, in order. */
  const held = new Set<ConsumeMessage>();
  const backlog: { readonly envelope: Envelope; readonly alone: boolean }[] = [];
  const again: Item[] = [];
  let underWay = 0;
  let closing = 0;
  let isFirst = true;
  let alone = false;
  let stopping = false;
  let ended = false;
  let pumping = false;
  let pause: (() => void) | null = null;
  let pauseMs = 0;
  /** What the last attempt was about. */
  let tried: ReadonlySet<Item> = new Set();
  let waiting: (() => void)[] = [];

  function arrived(message: ConsumeMessage): void {
    held.add(message);
    if (stopping || ended) return;
    const envelope = openEnvelope(message, parts);
    const verdict = poison.judge(message, isFirst);
    isFirst = false;
    if (verdict === 'dead' && envelope.open > 0) {
      condemn(envelope, parts, 'delivered too often without an end: whoever handles it seems to die of it');
    }
    if (envelope.open === 0) forget(envelope);
    else backlog.push({ envelope, alone: verdict === 'alone' });
    pump();
  }

  function pump(): void {
    if (pumping) return;
    pumping = true;
    while (!stopping && !ended && again.length === 0 && underWay < UNDER_WAY) {
      const next = backlog[0];
      if (!next || ((next.alone || alone) && underWay > 0)) break;
      backlog.shift();
      alone = next.alone;
      hand(next.envelope.items, next.envelope.message.fields.redelivered);
    }
    pumping = false;
  }

  function hand(items: readonly Item[], redelivered: boolean): void {
    // Counted first: one that is decided at once must not look like the last.
    underWay += items.length;
    for (const item of items) {
      const delivery = new HomeDelivery(
        redelivered ? stale(item.command) : item.command,
        redelivered,
        (answer, published) => settled(item, answer, published),
        (reason) => retried(item, reason),
        () => isBehindRetried(item),
      );
      try {
        handlers.command(delivery);
      } catch (cause) {
        log.error({ cause: errorText(cause) }, 'rabbitmq: a command could not be handed to the engine');
        delivery.settle(
          refused({ code: 'internal', message: 'the command could not be handed to its room' }),
        );
      }
    }
  }

  function settled(item: Item, answer: Answer, published: Promise<void> | undefined): void {
    settle(item, parts, answer, published);
    if (item.envelope.open === 0) forget(item.envelope);
    decided('');
  }

  function retried(item: Item, reason: string): void {
    again.push(item);
    decided(reason);
  }

  /** Handed out before one of its room was given back, and not looked at yet. */
  function isBehindRetried(item: Item): boolean {
    const { room_id } = item.command;
    return again.some((other) => other.command.room_id === room_id && inOrder(other, item) < 0);
  }

  function decided(reason: string): void {
    underWay--;
    if (underWay === 0 && again.length > 0 && !stopping && !ended) rest(reason);
    pump();
    wake();
  }

  /** All that was under way is decided, and some of it is to be tried again. */
  function rest(reason: string): void {
    const helped = !again.some((item) => tried.has(item));
    const before = pauseMs;
    pauseMs = helped ? BACKOFF.first : Math.min(BACKOFF.most, before * 2);
    pause = clock.after(pauseMs, handAgain);
    if (!helped && (before === BACKOFF.most || pauseMs < BACKOFF.most)) return;
    const fields = { partition: parts.partition, commands: again.length, reason, pause_ms: pauseMs };
    log.warn(fields, 'rabbitmq: commands could not be carried out now; they are tried again');
  }

  function handAgain(): void {
    pause = null;
    const items = again.splice(0);
    items.sort(inOrder);
    tried = new Set(items);
    hand(items, true);
    pump();
  }

  /** Every command of the message is dealt with: acknowledged as soon as the rest of it is safe. */
  function forget(envelope: Envelope): void {
    const { message, published, buried } = envelope;
    if (published.size === 0 && buried.length === 0) {
      acknowledge(message);
      return;
    }
    closing++;
    // Events that could not be published are in the store all the same, so that is no reason to do it again.
    Promise.all([Promise.allSettled(published), ...buried])
      .then(
        () => acknowledge(message),
        // Stays with us unacknowledged, and so comes again at the latest with the next connection.
        (cause: unknown) =>
          log.error({ cause: errorText(cause) }, 'rabbitmq: a command could not be dead-lettered'),
      )
      .finally(() => {
        closing--;
        wake();
      });
  }

  function acknowledge(message: ConsumeMessage): void {
    if (ended || !held.has(message)) return;
    try {
      channel.ack(message);
      held.delete(message);
    } catch (cause) {
      // The connection is being given up. Unacknowledged it comes again, and is seen to be a repeat.
      log.info({ cause: errorText(cause) }, 'rabbitmq: a command could not be acknowledged');
    }
  }

  function wake(): void {
    if (underWay > 0 || closing > 0) return;
    waiting.forEach((ready) => ready());
    waiting = [];
  }

  return {
    arrived,
    finish() {
      stopping = true;
      pause?.();
      return underWay + closing === 0 || ended
        ? Promise.resolve()
        : new Promise((ready) => waiting.push(ready));
    },
    end() {
      ended = true;
      pause?.();
      waiting.forEach((ready) => ready());
      waiting = [];
      return [...held];
    },
    get underWay() {
      return underWay;
    },
  };
}

/** A delivery tag counts the messages of a channel (AMQP 0-9-1, 1.8.3.13). */
function inOrder(a: Item, b: Item): number {
  const [tagA, tagB] = [a, b].map(({ envelope }) => envelope.message.fields.deliveryTag) as [number, number];
  return tagA - tagB || a.position - b.position;
}
