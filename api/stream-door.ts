import type { EventStream, StreamAnswer } from '../adapters/sse/event-stream.js';
import type { Log } from '../engine/ports.js';
import type { Arrivals } from './arrivals.js';

/** What streams need besides what all routes do. */
export interface StreamDoor {
  readonly arrivals: Arrivals;
  readonly log: Log;
  /** Whether there is no room for one more connection on this node. */
  readonly isFull: () => boolean;
  readonly open: (answer: StreamAnswer) => EventStream;
}
