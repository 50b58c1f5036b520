import type { Connected, LoadPlan, LoadResult } from './plan.js';

/** Awaited at the edges of the measured window. */
export interface Hooks {
  begun?(): Promise<void> | void;
  ended?(): Promise<void> | void;
}

export interface Load {
  /** Connects everybody; resolves when the last one is in. Rejects when one is refused. */
  connect(): Promise<Connected>;
  /** Posts, warms up, measures, stops posting, waits until all is quiet, checks. */
  run(hooks?: Hooks): Promise<LoadResult>;
  /**
   * Drops all connections at once and comes back with `since` = the last seq seen; resolves when all have their
   * welcome and what they missed. Dialect parlor only.
   */
  reconnect(): Promise<Connected & { readonly recovered: number }>;
  stop(): Promise<void>;
}

export function startLoad(plan: LoadPlan): Load {
  throw new Error(`not written yet: ${plan.dialect}`);
}
