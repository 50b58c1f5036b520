import type { Engine } from '../engine/engine.js';
import type { Policy } from '../engine/messages/policy.js';
import type { Metrics } from './metrics.js';
import type { Guard } from './origins.js';
import type { Reads } from './reads.js';

/** What the routes are given. */
export interface AppParts {
  readonly engine: Engine;
  readonly store: Reads;
  readonly metrics: Metrics;
  readonly guard: Guard;
  /** False: whoever opens one is sent to another node. */
  readonly takesWebSockets: boolean;
  readonly presetOf: (roomId: string) => Policy;
}
