import type { Channel, ChannelModel, Options } from 'amqplib';

/**
 * What became of a message. `refused`: the broker said no; `unroutable`: no queue is bound for its key (only for
 * mandatory ones); `lost`: the channel ended before the broker said anything, so it may or may not be there.
 */
export type Outcome = 'confirmed' | 'refused' | 'unroutable' | 'lost';

export interface Outgoing {
  readonly exchange: string;
  readonly key: string;
  readonly body: Buffer;
  readonly options: Options.Publish;
}

export interface Publisher {
  /** Sends, and tells the outcome exactly once, after this has returned. Messages arrive in the order of the calls. */
  publish(message: Outgoing, outcome: (outcome: Outcome) => void): void;
  /** False while the socket takes no more, or too much is not confirmed; `onRoom` says when there is room again. */
  readonly hasRoom: boolean;
  /** Ends the channel once everything published is with the broker. Never rejects. */
  close(): Promise<void>;
}

interface Hooks {
  readonly onRoom?: () => void;
  /** The channel ended, and nobody here wanted it to. */
  readonly broken: (reason: string) => void;
}

/**
 * Messages of one channel that may be unconfirmed: a fifth of a second's worth of what RabbitMQ takes. A broker that is
 * connected and confirms nothing, as a quorum queue without a majority does, must not cost this process its memory.
 */
const UNCONFIRMED_LIMIT = 4_096;

/** Ends a channel behind what was sent on it. A channel that is gone already is as good. */
export function closeChannel(channel: Channel): Promise<void> {
  return channel.close().catch(() => undefined);
}

/** A confirm channel. A mandatory message needs a messageId, by which a returned one is known. */
export async function openPublisher(model: ChannelModel, hooks: Hooks): Promise<Publisher> {
  const channel = await model.createConfirmChannel();
  const returned = new Set<string>();
  let socketHasRoom = true;
  let unconfirmed = 0;
  let reason = 'a publishing channel was closed';
  channel.on('error', (cause) => (reason = cause.message));
  channel.on('close', () => hooks.broken(reason));
  // Comes before the confirm of the same message (rabbitmq.com/docs/confirms).
  channel.on('return', ({ properties }) => returned.add(String(properties.messageId)));
  channel.on('drain', () => {
    socketHasRoom = true;
    hooks.onRoom?.();
  });

  function outcomeOf(cause: unknown, id: string | undefined): Outcome {
    const unroutable = id !== undefined && returned.delete(id);
    if (cause === null || cause === undefined) return unroutable ? 'unroutable' : 'confirmed';
    // amqplib's words for a nack; everything else is the end of the channel.
    return cause instanceof Error && cause.message === 'message nacked' ? 'refused' : 'lost';
  }

  function settled(outcome: (outcome: Outcome) => void, what: Outcome): void {
    const wasFull = unconfirmed-- >= UNCONFIRMED_LIMIT;
    outcome(what);
    if (wasFull && what !== 'lost') hooks.onRoom?.();
  }

  return {
    publish({ exchange, key, body, options }, outcome) {
      unconfirmed++;
      try {
        const id = options.messageId;
        socketHasRoom = channel.publish(exchange, key, body, options, (cause: unknown) =>
          settled(outcome, outcomeOf(cause, id)),
        );
      } catch {
        // The channel ended a moment ago: amqplib throws where it could not even try.
        queueMicrotask(() => settled(outcome, 'lost'));
      }
    },
    get hasRoom() {
      return socketHasRoom && unconfirmed < UNCONFIRMED_LIMIT;
    },
    close: () => closeChannel(channel),
  };
}
