import type { Engine } from '../engine/engine.js';
import type { Policy } from '../engine/messages/policy.js';
import type { Store } from '../engine/ports.js';
import type { Metrics } from './metrics.js';

/** What the routes are given. */
export interface AppParts {
  readonly engine: Engine;
  /** For reading only: what is written goes through the rooms. */
  readonly store: Store;
  readonly metrics: Metrics;
  readonly presetOf: (roomId: string) => Policy;
}
