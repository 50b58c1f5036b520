import type { Message } from 'amqplib';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Meter } from '../../../engine/ports.js';
import type { Part } from '../connection/link.js';
import { openPublisher, type Publisher } from '../connection/publisher.js';
import { VERSIONED } from '../wire.js';

/** Where the answers to an AMQP message have to go; null if nobody waits for them. */
export interface Asker {
  readonly replyTo: string;
  readonly correlationId: string | undefined;
  /** The body was one object, so the answer is one object, too. */
  readonly single: boolean;
}

export interface AnswersOut extends Part {
  /** Sends an answer. One that cannot be sent is dropped and counted: the sender of the command has a timeout. */
  send(asker: Asker, position: number, answer: Answer): void;
  /** Sends the backlog, if anything can be sent. */
  flush(): void;
}

interface Parts {
  readonly meter: Meter;
  readonly isBlocked: () => boolean;
  readonly broken: (reason: string) => void;
}

/**
 * Most answers that wait while the broker accepts no messages, also in an alarm: some tens of megabytes. Most of those
 * beyond it would arrive after the timeouts of their commands.
 */
const WAITING_LIMIT = 10_000;

export function askerOf({ properties }: Message, single: boolean): Asker | null {
  const replyTo: unknown = properties.replyTo;
  const correlationId: unknown = properties.correlationId;
  if (typeof replyTo !== 'string' || replyTo === '') return null;
  return { replyTo, correlationId: typeof correlationId === 'string' ? correlationId : undefined, single };
}

/** Sends answers to reply queues. Answers to the commands of one message share a message if they are given in one turn. */
export function createAnswersOut(parts: Parts): AnswersOut {
  let publisher: Publisher | null = null;
  const gathered = new Map<Asker, [number, Answer][]>();
  let count = 0;
  let isScheduled = false;

  function flush(): void {
    isScheduled = false;
    for (const [asker, pairs] of gathered) {
      if (!publisher?.hasRoom || parts.isBlocked()) return;
      gathered.delete(asker);
      count -= pairs.length;
      publish(publisher, asker, pairs);
    }
  }

  function publish(to: Publisher, asker: Asker, pairs: readonly [number, Answer][]): void {
    const body = Buffer.from(JSON.stringify(asker.single ? pairs[0]?.[1] : pairs));
    const { correlationId } = asker;
    const options = {
      contentType: 'application/json',
      headers: VERSIONED,
      ...(correlationId === undefined ? {} : { correlationId }),
    };
    // Not mandatory, since a client that is gone needs no answer. For the same reason a lost one is not retried.
    to.publish({ exchange: '', key: asker.replyTo, body, options }, () => undefined);
  }

  return {
    async open({ publishing }) {
      publisher = await openPublisher(publishing, { onRoom: flush, broken: parts.broken });
    },
    lost() {
      publisher = null;
      if (count > 0) parts.meter.dropped('answer', count);
      gathered.clear();
      count = 0;
    },
    async close() {
      flush();
      await publisher?.close();
    },
    flush,
    send(asker, position, answer) {
      if (publisher === null || count >= WAITING_LIMIT) {
        parts.meter.dropped('answer');
        return;
      }
      if (!isScheduled) queueMicrotask(flush);
      isScheduled = true;
      count++;
      const pairs = gathered.get(asker);
      if (pairs) pairs.push([position, answer]);
      else gathered.set(asker, [[position, answer]]);
    },
  };
}
