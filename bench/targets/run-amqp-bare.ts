import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { versionOf } from './peers.js';
import { startProcess } from './process.js';

export interface AmqpBareOrders {
  /** Of a RabbitMQ with nothing else to do; see `startBroker`. */
  readonly url: string;
  readonly inFlight: number;
  readonly seconds: number;
  /** Default: 1,000. */
  readonly warmUpMs?: number;
}

export interface AmqpBareResult {
  readonly postsPerSecond: number;
  /** From a post to its confirm and its answer, ms. */
  readonly p50: number;
  readonly p99: number;
  /** Of the process, poster and home in one, in the measured window. The broker's is the broker's. */
  readonly cpuSeconds: number;
}

/** As `Target` has them, for a result. */
export const AMQP_BARE = {
  version: `amqplib ${versionOf('amqplib')}`,
  settings:
    'one process, one connection; a persistent confirmed command per post to a quorum queue, prefetch 256, answer, confirmed event, ack',
} as const;

/**
 * Posts over RabbitMQ with nothing but amqplib, in a process of its own. `begun` is called at the beginning of the
 * measured window.
 */
export async function runAmqpBare(orders: AmqpBareOrders, begun?: () => void): Promise<AmqpBareResult> {
  const file = fileURLToPath(new URL('./amqp-bare.js', import.meta.url));
  const bare = startProcess({
    program: process.execPath,
    args: [file, JSON.stringify({ warmUpMs: 1000, ...orders })],
    env: { NODE_ENV: 'production' },
    channel: true,
  });
  const { child } = bare;
  const ended = once(child, 'exit').then(() => {
    throw new Error('amqp-bare ended: its error is above');
  });
  ended.catch(() => undefined);
  try {
    await Promise.race([once(child, 'message'), ended]);
    begun?.();
    const [result] = (await Promise.race([once(child, 'message'), ended])) as [AmqpBareResult];
    return result;
  } finally {
    await bare.stop();
  }
}
