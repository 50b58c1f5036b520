import { BODY_LIMIT } from '../wire.js';

/** Most bytes of unacknowledged messages in a node, over all partitions, if each message is as large as allowed. */
const HELD_BYTES = 1024 * 1024 * 1024;
/** With more messages nothing becomes faster. */
const MOST = 256;

/**
 * How many messages of a partition may be unacknowledged. RabbitMQ limits their number, not their size: `prefetch_size` is
 * not implemented (rabbitmq.com/docs/specification), and the number cannot be changed while a queue is consumed. So it
 * follows from the largest bodies. Parlor's own are at least 16 times smaller (BODY_GOAL).
 *
 * Measured with 16 partitions (8,000 messages of one command each, a commit of 5 ms, RabbitMQ 3.10.8 and the node on two
 * busy cores), in commands a second in one partition and over all: a prefetch of 16 gave 1,500 and 11,000–15,500; 64, the
 * result of this function, 5,000 and 33,000; 256 gave 13,000 and 36,000.
 */
export function prefetchFor(partitions: number): number {
  return Math.max(1, Math.min(MOST, Math.floor(HELD_BYTES / (partitions * BODY_LIMIT))));
}
