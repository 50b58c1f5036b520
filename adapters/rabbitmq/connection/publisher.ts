import type { Channel, ChannelModel, Options } from 'amqplib';

/**
 * What happened to a message. `refused`: the broker refused it (nack); `unroutable`: no queue is bound for its key (only for
 * mandatory messages); `lost`: the channel ended before the broker confirmed it, so it may or may not have arrived.
 */
export type Outcome = 'confirmed' | 'refused' | 'unroutable' | 'lost';

export interface Outgoing {
  readonly exchange: string;
  readonly key: string;
  readonly body: Buffer;
  readonly options: Options.Publish;
}

export interface Publisher {
  /** Sends a message, and calls `outcome` exactly once, after this has returned. Messages arrive in the order of the calls. */
  publish(message: Outgoing, outcome: (outcome: Outcome) => void): void;
  /** False while the socket is full, or too many messages are unconfirmed; `onRoom` is called when there is room again. */
  readonly hasRoom: boolean;
  /** Closes the channel when the broker has received everything that was published. Never rejects. */
  close(): Promise<void>;
}

interface Hooks {
  readonly onRoom?: () => void;
  /** Called when the channel ends. */
  readonly broken: (reason: string) => void;
}

/**
 * Messages of one channel that may be unconfirmed: about what RabbitMQ accepts in a fifth of a second. A broker that
 * confirms nothing, like a quorum queue without a majority, must not fill this process's memory.
 */
const UNCONFIRMED_LIMIT = 4_096;

/** Closes a channel after all that was sent on it. Never rejects: a channel that is closed already is fine, too. */
export function closeChannel(channel: Channel): Promise<void> {
  return channel.close().catch(() => undefined);
}

/** Opens a confirm channel. A mandatory message needs a messageId, by which it is recognized when it is returned. */
export async function openPublisher(model: ChannelModel, hooks: Hooks): Promise<Publisher> {
  const channel = await model.createConfirmChannel();
  const returned = new Set<string>();
  let socketHasRoom = true;
  let unconfirmed = 0;
  let reason = 'a publishing channel was closed';
  channel.on('error', (cause) => (reason = cause.message));
  channel.on('close', () => hooks.broken(reason));
  // `return` precedes the confirm of the same message (rabbitmq.com/docs/confirms).
  channel.on('return', ({ properties }) => returned.add(String(properties.messageId)));
  channel.on('drain', () => {
    socketHasRoom = true;
    hooks.onRoom?.();
  });

  function outcomeOf(cause: unknown, id: string | undefined): Outcome {
    const unroutable = id !== undefined && returned.delete(id);
    if (cause === null || cause === undefined) return unroutable ? 'unroutable' : 'confirmed';
    // amqplib's text for a nack. Every other error means that the channel has ended.
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
        // The channel has just ended: amqplib throws instead of calling back.
        queueMicrotask(() => settled(outcome, 'lost'));
      }
    },
    get hasRoom() {
      return socketHasRoom && unconfirmed < UNCONFIRMED_LIMIT;
    },
    close: () => closeChannel(channel),
  };
}
