import type { Quantiles } from '../load/plan.js';

/** Who posts how much straight over RabbitMQ, as a service does. */
export interface AmqpPlan {
  readonly url: string;
  readonly rooms: number;
  /** Posts without an answer yet. */
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly seconds: number;
  readonly textBytes: number;
}

export interface AmqpResult {
  /** Answered `posted` within the window. */
  readonly posts: number;
  /** Everything else that was answered, by code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** From a post to its answer, ms. */
  readonly latency: Quantiles;
}

/** What the poster's process says. */
export type FromAmqpPoster =
  { readonly says: 'begun' } | { readonly says: 'done'; readonly result: AmqpResult };

/** As many queues for commands as Parlor has by default. */
export const PARTITIONS = 16;
