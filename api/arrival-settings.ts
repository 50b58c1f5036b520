import { Type } from '@sinclair/typebox';
import { limit, readLimits } from './limit-settings.js';

/**
 * With AUTH=jwt, far above what an office behind one address does: several hundred people, each with some tabs, who all come
 * back within a minute after an outage.
 */
const WITH_TOKENS = {
  CONNECTIONS_PER_ADDRESS: 2_000,
  /** Each tab and each device is one. */
  CONNECTIONS_PER_USER: 100,
  JOINS_PER_ADDRESS: 50,
} as const;

/** The limits on who comes, as they are in `Settings`. */
export const ARRIVAL_SETTINGS = {
  MAX_CONNECTIONS: Type.Integer({
    default: 100_000,
    minimum: 0,
    maximum: 10_000_000,
    description:
      'WebSockets, streams and long polls on this node; further ones are closed with 4503; 0: no limit',
  }),
  CONNECTIONS_PER_ADDRESS: limit(
    WITH_TOKENS.CONNECTIONS_PER_ADDRESS,
    'WebSockets, streams and long polls from one address (IPv6: a /64) on this node',
  ),
  CONNECTIONS_PER_USER: limit(
    WITH_TOKENS.CONNECTIONS_PER_USER,
    'WebSockets, streams and long polls of one user on this node; tokens of the scope "service" have no limit',
  ),
  JOINS_PER_ADDRESS: limit(
    WITH_TOKENS.JOINS_PER_ADDRESS,
    'WebSockets and streams that one address may open per second on average, and 20 times as many at once',
  ),
};

/** The limits as numbers; 0: no limit. */
export type ArrivalLimits = { readonly [K in keyof typeof ARRIVAL_SETTINGS]: number };

export function arrivalLimits(
  settings: { readonly [K in keyof typeof WITH_TOKENS]: string } & {
    readonly AUTH: 'off' | 'jwt';
    readonly MAX_CONNECTIONS: number;
  },
): ArrivalLimits {
  return { MAX_CONNECTIONS: settings.MAX_CONNECTIONS, ...readLimits(settings, WITH_TOKENS) };
}
