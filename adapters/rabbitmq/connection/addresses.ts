import type { Options } from 'amqplib';
import { errorText } from '../../../engine/errors.js';

/**
 * Heartbeat, s. RabbitMQ checks once per heartbeat whether the client has sent anything, and closes the connection after
 * two checks in vain, 2 to 3 heartbeats after the last byte (rabbit_heartbeat.erl, start_heartbeat_receiver). So a node
 * that was suspended or cut off stays the home of its rooms for 2 to 3 s; AMQP has no shorter heartbeat. The documentation
 * warns of values below 5 s, because a slow peer is then taken for a dead one (rabbitmq.com/docs/heartbeats). But a node
 * sends something every 400 ms (see BEAT_MS), and one that cannot for 2 s should not be a home. It only loses a connection,
 * which is replaced within 0.1 s. `?heartbeat=` in the URL takes precedence.
 */
const HEARTBEAT_S = 1;

/** The address of a broker. `target` is for amqplib; `name` is for logs, without user and password. */
export interface Address {
  readonly name: string;
  readonly target: Options.Connect;
}

/** Reads an AMQP URL (rabbitmq.com/docs/uri-spec). Throws an Error of one line, without the password, if it is not valid. */
export function readAddress(text: string): Address {
  if (!URL.canParse(text))
    throw new Error('an AMQP URL is not a URL; it looks like amqp://user:password@host:5672');
  const url = new URL(text);
  const protocol = url.protocol.slice(0, -1);
  if ((protocol !== 'amqp' && protocol !== 'amqps') || url.hostname === '') {
    throw new Error(
      `an AMQP URL begins with amqp:// or amqps:// and a host, not with ${url.protocol}//${url.host}`,
    );
  }
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (protocol === 'amqps' ? 5671 : 5672) : Number(url.port);
  const number = (key: string): number | undefined => {
    const value = url.searchParams.get(key);
    return value === null || !/^\d+$/.test(value) ? undefined : Number(value);
  };
  const frameMax = number('frame_max') ?? number('frameMax');
  return {
    name: `${url.hostname}:${port}`,
    target: {
      protocol,
      hostname,
      port,
      username: url.username === '' ? 'guest' : decodeURIComponent(url.username),
      password: url.username === '' ? 'guest' : decodeURIComponent(url.password),
      // Left percent-encoded: amqplib decodes it.
      vhost: url.pathname.slice(1),
      heartbeat: number('heartbeat') ?? HEARTBEAT_S,
      ...(frameMax === undefined ? {} : { frameMax }),
    },
  };
}

const KNOWN: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENOTFOUND: 'host not found',
  ETIMEDOUT: 'no answer',
  EPIPE: 'connection broken',
};

/** Why there is no connection, in a few words: `connection refused (localhost:5672)`. */
export function connectFault(cause: unknown, address: Address): string {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = first instanceof Error && 'code' in first ? String(first.code) : '';
  const text = KNOWN[code] ?? (errorText(first) || code || 'unknown fault');
  return `${text} (${address.name})`;
}
