import { connect } from 'amqplib';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import type { Answer } from '../../checker/history.js';
import type { Post } from '../support/book.js';
import { PARTITIONS } from '../support/cluster.js';

/** A service's connection to RabbitMQ. */
export interface AmqpLine {
  readonly isOpen: boolean;
  /**
   * Publishes a post and waits for the answer. `queued`: RabbitMQ has it, and nobody has answered in time; `none`: nobody
   * knows whether RabbitMQ has it, and the line is closed.
   */
  post(post: Post, patienceMs: number): Promise<Answer>;
  close(): void;
}

interface Reply {
  readonly type: string;
  readonly code?: string;
  readonly message?: { readonly seq?: number };
}

/** Rejects where RabbitMQ does not answer. */
export async function openAmqpLine(url: string): Promise<AmqpLine> {
  const connection = await connect(url, { timeout: 5_000 });
  let isOpen = true;
  const waiting = new Map<string, (reply: Reply | null) => void>();
  const ended = (): void => {
    isOpen = false;
    for (const tell of waiting.values()) tell(null);
  };
  // Why it has ended is not looked at: the service connects again.
  connection.on('error', ended);
  connection.on('close', ended);
  const channel = await connection.createConfirmChannel();
  channel.on('error', ended);
  channel.on('close', ended);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.consume(
    queue,
    (message) => {
      const tell = message && waiting.get(String(message.properties.correlationId));
      if (message && tell) tell(JSON.parse(message.content.toString()) as Reply);
    },
    { noAck: true },
  );

  function close(): void {
    ended();
    connection.close().catch((cause: unknown) => cause);
  }

  return {
    get isOpen() {
      return isOpen;
    },
    async post({ room_id, id, user, text }, patienceMs) {
      if (!isOpen) return { type: 'none' };
      const body = Buffer.from(JSON.stringify({ type: 'post', room_id, id, user, text }));
      const partition = String(partitionOf(slotOf(room_id), PARTITIONS));
      let isConfirmed = false;
      const reply = await new Promise<Reply | null>((resolve) => {
        const timer = setTimeout(() => resolve(null), patienceMs);
        waiting.set(id, (answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
        const properties = { persistent: true, replyTo: queue, correlationId: id };
        channel.publish('parlor.commands', partition, body, properties, (error: unknown) => {
          isConfirmed = error === null || error === undefined;
        });
      });
      waiting.delete(id);
      if (reply?.type === 'posted') return { type: 'posted', seq: reply.message?.seq ?? -1 };
      if (reply) return { type: 'refused', code: reply.code ?? reply.type };
      if (isConfirmed) return { type: 'queued' };
      close();
      return { type: 'none' };
    },
    close,
  };
}
