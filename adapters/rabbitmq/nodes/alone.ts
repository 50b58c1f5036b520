import type { Channel } from 'amqplib';
import { commandQueue } from '../topology.js';

/** Checks, one a beat, before a node that knows of no other believes that there is none: 2 s, as a link comes back in less. */
const CHECKS = 5;

/**
 * Whether other nodes take commands, found out without a word: a node that starts in an alarm can neither say hello nor
 * be answered. Every node consumes all command queues, and the broker tells of a queue whether it is consumed.
 */
export class Alone {
  private inARow = 0;
  private isChecking = false;

  constructor(private readonly partitions: number) {}

  /** A new link. */
  begin(): void {
    this.inARow = 0;
    this.isChecking = false;
  }

  /**
   * Called once a beat while this node consumes nothing. `knowsOthers`: it has known who lives, before its last link was
   * lost. It resolves with true when no queue was consumed, often enough in a row. Rejects when the channel ends.
   */
  async check(channel: Channel, knowsOthers: boolean): Promise<boolean> {
    if (this.isChecking) return false;
    this.isChecking = true;
    let consumers = 0;
    for (let partition = 0; partition < this.partitions; partition++)
      consumers += (await channel.checkQueue(commandQueue(partition))).consumerCount;
    this.isChecking = false;
    this.inARow = consumers === 0 ? this.inARow + 1 : 0;
    return this.inARow >= (knowsOthers ? 1 : CHECKS);
  }
}
