import type { ChannelModel, Message } from 'amqplib';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Part } from '../connection/link.js';
import { openPublisher, type Publisher } from '../connection/publisher.js';
import { VERSIONED } from '../wire.js';

/** Who asked, as an AMQP message tells it; null where nobody waits for an answer. */
export interface Asker {
  readonly replyTo: string;
  readonly correlationId: string | undefined;
  /** Asked with one object: the answer is one too. */
  readonly single: boolean;
}

export interface AnswersOut extends Part {
  /** Tells the asker. What cannot be sent is dropped: the asker learns by its own timeout. */
  send(asker: Asker, position: number, answer: Answer): void;
}

export function askerOf({ properties }: Message, single: boolean): Asker | null {
  const replyTo: unknown = properties.replyTo;
  const correlationId: unknown = properties.correlationId;
  if (typeof replyTo !== 'string' || replyTo === '') return null;
  return { replyTo, correlationId: typeof correlationId === 'string' ? correlationId : undefined, single };
}

/** Sends answers to reply queues: those to one message that are given in one turn go in one message. */
export function createAnswersOut(broken: (reason: string) => void): AnswersOut {
  let publisher: Publisher | null = null;
  let gathered = new Map<Asker, [number, Answer][]>();

  function flush(): void {
    const batch = gathered;
    gathered = new Map();
    for (const [asker, pairs] of batch) {
      const body = Buffer.from(JSON.stringify(asker.single ? pairs[0]?.[1] : pairs));
      const { correlationId } = asker;
      const options = {
        contentType: 'application/json',
        headers: VERSIONED,
        ...(correlationId === undefined ? {} : { correlationId }),
      };
      // Not mandatory: whoever is gone needs no answer. Nothing is done about a lost one either.
      publisher?.publish({ exchange: '', key: asker.replyTo, body, options }, () => undefined);
    }
  }

  return {
    async open(model: ChannelModel) {
      publisher = await openPublisher(model, { broken });
    },
    lost() {
      publisher = null;
    },
    close: async () => publisher?.close(),
    send(asker, position, answer) {
      if (gathered.size === 0) queueMicrotask(flush);
      const pairs = gathered.get(asker);
      if (pairs) pairs.push([position, answer]);
      else gathered.set(asker, [[position, answer]]);
    },
  };
}
