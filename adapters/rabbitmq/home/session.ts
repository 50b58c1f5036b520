import type { Channel, ConsumeMessage } from 'amqplib';
import { errorText } from '../../../engine/errors.js';
import { notDelivered, refused, type Answer } from '../../../engine/messages/answers.js';
import { isStored } from '../../../engine/messages/commands.js';
import type { BrokerHandlers, Clock, Log, Session } from '../../../engine/ports.js';
import type { AnswersOut } from './answers-out.js';
import type { DeadLetters } from './dead-letters.js';
import { condemn, HomeDelivery, openEnvelope, settle, type Envelope, type Item } from './envelope.js';
import type { Poison } from './poison.js';
import { RoomLines, type Successes } from './room-lines.js';
import { stale } from '../wire.js';

export interface SessionParts {
  readonly partition: number;
  readonly partitions: number;
  readonly prefetch: number;
  readonly answers: AnswersOut;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly log: Log;
  readonly handlers: BrokerHandlers;
  readonly poison: Poison;
  readonly successes: Successes;
  /** Whether this node's link is known to be alive. */
  readonly isCurrent: () => boolean;
  /** Called before the first command is given to the engine. */
  readonly began: () => void;
  /** Called when a command that this node has sent is given to the engine. */
  readonly sent: (nodeId: string) => void;
}

/** A partition on one channel, from its consumer's first message to the channel's end. */
export interface PartitionSession {
  /** Whether commands were delivered in it. */
  readonly isActive: boolean;
  arrived(message: ConsumeMessage): void;
  /** Gives no more commands to the engine. Resolves when those that it has are answered and acknowledged. */
  finish(): Promise<void>;
  /** The channel is closed: tells the engine, and acknowledges nothing any more. Returns the messages that are requeued. */
  end(): ConsumeMessage[];
}

/** Most commands of one partition in the engine: well below the capacity of a room's mailbox, so that none overflows. */
const UNDER_WAY = 2_048;
/** It is logged at most once in this time that commands cannot be carried out, ms. */
const COMPLAIN_MS = 5_000;

/**
 * Gives the commands of a partition to the engine in their order, and acknowledges messages whose commands are answered.
 *
 * Commands to be retried stay in this process, in the order of their room: see `RoomLines`. Requeueing them instead would
 * raise their delivery count (see `poison.ts`), make the broker's log grow, and let a second node overtake commands that
 * are still in the engine.
 *
 * Messages that wait for their rooms are unacknowledged, so they count towards the prefetch. When more than half of it is
 * used up by them, a room that fails while others succeed loses its last commands: they are refused and dead-lettered.
 * "Others" are all rooms of this node, since other rooms of the partition may be stuck behind these messages. While nothing
 * at all succeeds, the store may be down: then the whole prefetch may be used up, and the queue keeps the rest.
 */
export function createSession(channel: Channel, parts: SessionParts): PartitionSession {
  const { clock, log, poison, handlers } = parts;
  /** All unacknowledged messages, in order. */
  const held = new Set<ConsumeMessage>();
  const backlog: { readonly envelope: Envelope; readonly alone: boolean }[] = [];
  const lines = new RoomLines({
    clock,
    successes: parts.successes,
    places: Math.ceil(parts.prefetch / 2),
    onReady: pump,
    onPause: complain,
    onOverflow: (item) => refuse(item, 'too many commands wait for this room, which does not get on'),
  });
  const session: Session = {
    get isCurrent() {
      return !ended && parts.isCurrent();
    },
    mayFollowAnother: true,
  };
  let underWay = 0;
  let closing = 0;
  let isFirst = true;
  let alone = false;
  let stopping = false;
  let ended = false;
  let begun = false;
  let pumping = false;
  let lastReason = '';
  let complained = -Infinity;
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
    while (!stopping && !ended && underWay < UNDER_WAY) {
      const item = lines.next();
      if (item) hand(item);
      else if (!admitNext()) break;
    }
    pumping = false;
  }

  /** Gives the commands of the next message to the engine, or to the lines of their rooms; false if that has to wait. */
  function admitNext(): boolean {
    const next = backlog[0];
    if (!next || (alone && underWay > 0)) return false;
    if (next.alone && underWay + lines.waiting > 0) return false;
    backlog.shift();
    alone = next.alone;
    for (const item of next.envelope.items) {
      if (stopping || ended) break;
      if (lines.admit(item)) hand(item);
    }
    return true;
  }

  function hand(item: Item): void {
    const { command, envelope, tried } = item;
    const redelivered = tried || envelope.message.fields.redelivered || command.again === true;
    underWay++;
    if (!begun) parts.began();
    begun = true;
    lines.handed(item);
    if (envelope.sender !== null) parts.sent(envelope.sender);
    const delivery = new HomeDelivery(
      redelivered ? stale(command) : command,
      session,
      redelivered,
      (answer, published) => settled(item, answer, published),
      (reason, passing) => retried(item, reason, passing),
      () => lines.isBehindRetried(item),
    );
    try {
      handlers.command(delivery);
    } catch (cause) {
      log.error({ cause: errorText(cause) }, 'rabbitmq: a command could not be handed to the engine');
      delivery.settle(refused({ code: 'internal', message: 'the command could not be handed to its room' }));
    }
  }

  function settled(item: Item, answer: Answer, published: Promise<void> | undefined): void {
    if (ended) return;
    // A stored command shows that the store works.
    if (answer.type !== 'refused' && isStored(item.command.type)) parts.successes.count++;
    dealtWith(item, answer, published);
    underWay--;
    lines.settled(item, false);
    decided();
  }

  function retried(item: Item, reason: string, passing: boolean): void {
    if (ended) return;
    lastReason = reason;
    underWay--;
    if (!lines.retried(item, passing)) {
      refuse(item, `${reason}, again and again, while other rooms get on`);
      lines.settled(item, true);
    }
    decided();
  }

  /** Gives up a command that may be valid: it is answered and dead-lettered. */
  function refuse(item: Item, message: string): void {
    dealtWith(item, notDelivered('no', { code: 'unavailable', message }));
  }

  function dealtWith(item: Item, answer: Answer, published?: Promise<void>): void {
    settle(item, parts, answer, published);
    if (item.envelope.open === 0) forget(item.envelope);
  }

  function decided(): void {
    pump();
    wake();
  }

  function complain(roomId: string, ms: number): void {
    const now = clock.elapsed();
    if (now - complained < COMPLAIN_MS) return;
    complained = now;
    log.warn(
      {
        partition: parts.partition,
        room_id: roomId,
        commands: lines.waiting,
        reason: lastReason,
        pause_ms: ms,
      },
      'rabbitmq: commands could not be carried out now; they are tried again',
    );
  }

  /** All commands of the message are answered: acknowledges it as soon as its events and dead letters are safe. */
  function forget(envelope: Envelope): void {
    const { message, published, buried } = envelope;
    if (published.size === 0 && buried.length === 0) {
      acknowledge(message);
      return;
    }
    closing++;
    // Events that could not be published are stored, so that is no reason to redeliver the message.
    Promise.all([Promise.allSettled(published), ...buried])
      .then(
        () => acknowledge(message),
        // The message stays unacknowledged, so it is redelivered at the latest over the next connection.
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
      // The connection is being given up. The message is redelivered, and its commands are recognized as repeats.
      log.info({ cause: errorText(cause) }, 'rabbitmq: a command could not be acknowledged');
    }
  }

  function wake(): void {
    if (underWay > 0 || closing > 0) return;
    waiting.forEach((ready) => ready());
    waiting = [];
  }

  return {
    get isActive() {
      return begun;
    },
    arrived,
    finish() {
      stopping = true;
      return underWay + closing === 0 || ended
        ? Promise.resolve()
        : new Promise((ready) => waiting.push(ready));
    },
    end() {
      if (!ended) {
        ended = true;
        lines.stop();
        // The engine knows a session only if a command was delivered in it.
        if (begun) handlers.sessionEnded(session);
      }
      waiting.forEach((ready) => ready());
      waiting = [];
      return [...held];
    },
  };
}
