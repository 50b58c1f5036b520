import { BODY_LIMIT } from '../wire.js';

/** What a node may hold of unacknowledged messages, over all partitions, when each of them is as large as is read, bytes. */
const HELD_BYTES = 1024 * 1024 * 1024;
/** With more, nothing becomes faster. */
const MOST = 256;

/**
 * Messages of a partition that may be unacknowledged. RabbitMQ counts them and does not weigh them: `prefetch_size` is not
 * implemented (rabbitmq.com/docs/specification), and a count cannot be changed while a queue is consumed. So the count is
 * what the largest bodies allow. Parlor's own are 16 times smaller (BODY_GOAL), and mostly far more than that.
 *
 * Measured with 16 partitions (8,000 messages of one command each, a commit of 5 ms, RabbitMQ 3.10.8 and the node on two
 * busy cores): 16 gave 1,500 a second in one partition and 11,000–15,500 over all; 64, which this is, 5,000 and 33,000;
 * 256 gave 13,000 and 36,000.
 */
export function prefetchFor(partitions: number): number {
  return Math.max(1, Math.min(MOST, Math.floor(HELD_BYTES / (partitions * BODY_LIMIT))));
}
