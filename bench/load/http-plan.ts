import type { Quantiles } from './plan.js';

/** Who posts how much over HTTP; handed to each generator process as it is, with its share of connections and rate. */
export interface HttpPlan {
  readonly port: number;
  /** Keep-alive connections over all processes. Each has one post under way at most: no pipelining. */
  readonly connections: number;
  readonly load:
    | { readonly type: 'closed'; readonly inFlight: number } // 1: as soon as a connection has its answer it posts again
    | { readonly type: 'open'; readonly perSecond: number }; // over all connections, whatever comes back
  readonly seconds: number;
  readonly warmUpMs: number;
  /** Posts go to channel:post-0, channel:post-1, … in turn. */
  readonly rooms: number;
  readonly textBytes: number;
  /** A file of tokens, one a line: they are sent in turn, one with each post. */
  readonly tokensFile?: string;
  /** How long unanswered posts are waited for at the end, ms; then they are lost. Default: 5,000. */
  readonly quietMs?: number;
}

export interface HttpResult {
  /** Sent within the measured window. */
  readonly posts: number;
  /** Answers that came within the window, by status. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** Those of them that were 429 or 503 and said when to come again. */
  readonly retryAfter: number;
  /** Length of the window. */
  readonly seconds: number;
  /** Of all generator processes in the window. */
  readonly cpuSeconds: number;
  /**
   * Of the posts that were sent (closed loop) or planned (open loop) within the window, from that moment to the
   * answer. One whose connection was busy until the window's end counts with the time it had waited by then.
   */
  readonly latency: Quantiles;
  /** The same of those that were answered 201. */
  readonly goodLatency: Quantiles;
  /** Posts of the whole run, warm-up included, that were sent and never answered. */
  readonly lost: number;
  /** Posts planned within the window that never left, because their connection was busy until its end. */
  readonly unsent: number;
}

/** What a generator process says: where it is, and at last what it counted. */
export type FromPoster =
  { readonly says: 'ready' | 'measured' } | { readonly says: 'done'; readonly result: PosterResult };
export type ToPoster = 'post' | 'measure' | 'stop';
export interface PosterResult extends Omit<HttpResult, 'latency' | 'goodLatency'> {
  /** Histograms of µs, encoded. */
  readonly latency: string;
  readonly goodLatency: string;
}
