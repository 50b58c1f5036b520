import type { Message } from 'amqplib';
import type { Log, Meter } from '../../../engine/ports.js';
import type { Part } from '../connection/link.js';
import { openPublisher, type Publisher } from '../connection/publisher.js';
import { DEAD } from '../topology.js';
import { BODY_LIMIT, versionOf } from '../wire.js';

/**
 * Why a command is in `parlor.dead`. `undecodable`: it is none; `newer_version`: this Parlor cannot read it, a newer one
 * can; `delivered_too_often`: it seems to kill who handles it; `internal`, `unavailable`, `rate_limited`: its room refused
 * it so, after it had been durably queued.
 */
export type DeathReason =
  'undecodable' | 'newer_version' | 'delivered_too_often' | 'internal' | 'unavailable' | 'rate_limited';

export interface DeadLetters extends Part {
  /**
   * Puts a message, or the part of it given as `body`, into `parlor.dead`. Resolves when the broker has it; rejects
   * when that is not certain: then the message must not be acknowledged, and comes again.
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

/** Where commands end that cannot be carried out, each with its reason in the headers. */
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

/** AMQP properties come as anything; those of these names are short strings or absent. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function defined(key: string, value: unknown): object {
  return typeof value === 'string' ? { [key]: value } : {};
}
