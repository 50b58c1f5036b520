import { Type } from '@sinclair/typebox';
import type { ClientRates } from '../engine/limits/client-limits.js';
import { ratePerSecond, type Rate } from '../engine/limits/rate.js';
import { limit, readLimits } from './limit-settings.js';

/**
 * With AUTH=jwt, far above what people do. A room of 1,000 members in which 500 posts a second are sent to all is as much as a
 * node of two cores can do.
 */
const WITH_TOKENS = {
  FRAMES_PER_CONNECTION: 100,
  POSTS_PER_CONNECTION: 20,
  /** Some devices at once. */
  POSTS_PER_USER: 40,
  /** Beyond those that may come at once: who changes rooms once a second is busy. */
  SUBSCRIBES_PER_USER: 50,
  POSTS_PER_ROOM: 500,
  /** Per minute. */
  ROOMS_OPENED_PER_USER: 30,
} as const;

/** How many seconds’ worth may come at once, after a pause. */
const BURST_S = 5;
/** With the default: four devices in 500 rooms each may come back at once. */
const SUBSCRIBES_BURST_S = 40;
const MINUTE_S = 60;
const MINUTES_AT_ONCE = 2;

/** The limits on how often clients send, as they are in `Settings`. */
export const RATE_SETTINGS = {
  FRAMES_PER_CONNECTION: limit(
    WITH_TOKENS.FRAMES_PER_CONNECTION,
    `frames that a WebSocket may send per second on average, and ${BURST_S} times as many at once`,
  ),
  POSTS_PER_CONNECTION: limit(
    WITH_TOKENS.POSTS_PER_CONNECTION,
    `posts that a WebSocket may send per second on average, and ${BURST_S} times as many at once`,
  ),
  POSTS_PER_USER: limit(
    WITH_TOKENS.POSTS_PER_USER,
    'the same for all posts of one user through this node; tokens of the scope "service" have none of these three limits',
  ),
  SUBSCRIBES_PER_USER: limit(
    WITH_TOKENS.SUBSCRIBES_PER_USER,
    `rooms that a user may subscribe to per second on average over /ws on this node, and ${SUBSCRIBES_BURST_S} times as many at once; tokens of the scope "service" have no limit`,
  ),
  POSTS_PER_ROOM: limit(
    WITH_TOKENS.POSTS_PER_ROOM,
    `posts that a room takes per second on average, and ${BURST_S} times as many at once`,
  ),
  ROOMS_OPENED_PER_USER: limit(
    WITH_TOKENS.ROOMS_OPENED_PER_USER,
    `rooms that a user may open per minute on average by joining or posting, and ${MINUTES_AT_ONCE} times as many at once; tokens of the scope "service" have no limit`,
  ),
  ABUSE_PAUSE_MS: Type.Integer({
    default: 5_000,
    minimum: 0,
    maximum: 3_600_000,
    description:
      'how long a user may open no WebSocket on this node after one of theirs was closed because it went on sending although it was refused, ms; 0: they may at once; tokens of the scope "service" need not wait',
  }),
  LOOP_DELAY_MS: Type.Integer({
    default: 500,
    minimum: 0,
    maximum: 600_000,
    description:
      'while the event loop is later than this, new posts are refused with 503, so that members can be kept, ms; 0: never',
  }),
};

/** The limits as numbers; 0: no limit. */
export type RateLimits = { readonly [K in keyof typeof WITH_TOKENS]: number };

export function rateLimits(
  settings: { readonly [K in keyof typeof WITH_TOKENS]: string } & { readonly AUTH: 'off' | 'jwt' },
): RateLimits {
  return readLimits(settings, WITH_TOKENS);
}

const rate = (perSecond: number): Rate => ratePerSecond(perSecond, BURST_S);

/** The limits as the engine takes them. */
export function engineRates(limits: RateLimits): {
  readonly clientRates: ClientRates;
  readonly postsOfRoom: Rate;
  readonly roomsOfUser: Rate;
} {
  return {
    clientRates: {
      framesOfConnection: rate(limits.FRAMES_PER_CONNECTION),
      postsOfConnection: rate(limits.POSTS_PER_CONNECTION),
      postsOfUser: rate(limits.POSTS_PER_USER),
      subscribesOfUser: ratePerSecond(limits.SUBSCRIBES_PER_USER, SUBSCRIBES_BURST_S),
    },
    postsOfRoom: rate(limits.POSTS_PER_ROOM),
    roomsOfUser: ratePerSecond(limits.ROOMS_OPENED_PER_USER / MINUTE_S, MINUTE_S * MINUTES_AT_ONCE),
  };
}
