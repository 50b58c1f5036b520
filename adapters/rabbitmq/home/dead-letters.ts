import type { Message } from 'amqplib';
import type { Log, Meter } from '../../../engine/ports.js';
import type { Part } from '../connection/link.js';
import { openPublisher, type Publisher } from '../connection/publisher.js';
import { DEAD } from '../topology.js';
import { BODY_LIMIT, versionOf } from '../wire.js';

/**
 * Why a message is in `parlor.dead`. `undecodable`: it is not a command; `newer_version`: only a newer Parlor can read it;
 * `delivered_too_often`: it seems to kill each process that handles it; `internal`, `unavailable`, `rate_limited`: it was
 * refused with this code after it had been durably queued.
 */
export type DeathReason =
  'undecodable' | 'newer_version' | 'delivered_too_often' | 'internal' | 'unavailable' | 'rate_limited';

export interface DeadLetters extends Part {
  /**
   * Publishes a message, or the part of it given as `body`, to `parlor.dead`. Resolves when the broker has confirmed it.
   * Rejects if that is uncertain: then the message must not be acknowledged, so that it is redelivered.
   */
  add(message: Message, reason: DeathReason, detail: string, body?: Buffer): Promise<void>;
}

interface Parts {
  readonly nodeId: string;
  readonly log: Log;
  readonly meter: Meter;
  readonly broken: (reason: string) => void;
}

const DETAIL_LIMIT = 500;
const COUNTED: Partial<Record<DeathReason, string>> = {
  undecodable: 'undecodable_command',
  newer_version: 'newer_command',
};

/** Publishes commands that cannot be carried out to `parlor.dead`, with the reason in the headers. */
export function createDeadLetters(parts: Parts): DeadLetters {
  let publisher: Publisher | null = null;

  return {
    async open({ publishing }) {
      publisher = await openPublisher(publishing, { broken: parts.broken });
    },
    lost() {
      publisher = null;
    },
    close: async () => publisher?.close(),
    add(message, reason, detail, body = message.content) {
      const { fields, properties } = message;
      const { routingKey } = fields;
      parts.meter.dropped(COUNTED[reason] ?? 'dead_letter');
      parts.log.warn(
        {
          reason,
          detail,
          routing_key: routingKey,
          message_id: text(properties.messageId),
          app_id: text(properties.appId),
        },
        'rabbitmq: a command goes to parlor.dead',
      );
      const headers = {
        ...versionOf(message),
        'x-parlor-reason': reason,
        'x-parlor-detail': detail.slice(0, DETAIL_LIMIT),
        'x-parlor-routing-key': routingKey,
        'x-parlor-node': parts.nodeId,
        ...(body.length > BODY_LIMIT ? { 'x-parlor-cut': body.length } : {}),
      };
      const options = {
        persistent: true,
        contentType: 'application/json',
        headers,
        ...defined('messageId', properties.messageId),
        ...defined('correlationId', properties.correlationId),
        ...defined('appId', properties.appId),
      };
      return new Promise((resolve, reject) => {
        if (publisher === null) {
          reject(new Error('no connection'));
          return;
        }
        const outgoing = { exchange: DEAD, key: routingKey, body: body.subarray(0, BODY_LIMIT), options };
        publisher.publish(outgoing, (outcome) => {
          if (outcome === 'confirmed') resolve();
          else reject(new Error(`the dead letter was ${outcome}`));
        });
      });
    },
  };
}

/** AMQP properties are untyped. Those named here are short strings or absent. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function defined(key: string, value: unknown): object {
  return typeof value === 'string' ? { [key]: value } : {};
}
