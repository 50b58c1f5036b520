import type { Channel } from 'amqplib';
import { CLUSTER } from '../topology.js';

/** Checks, one a beat, before a node that knows of no other believes that there is none: 2 s, as a link comes back in less. */
const CHECKS = 5;

/**
 * Whether there are other nodes, found out without a word: a node that starts in an alarm can neither say hello nor be
 * answered. Every node consumes `parlor.cluster`, this one too, and the broker tells of a queue how many consume it.
 */
export class Alone {
  private inARow = 0;
  private isChecking = false;

  /** A new link. */
  begin(): void {
    this.inARow = 0;
    this.isChecking = false;
  }

  /**
   * Called once a beat while this node does not know who lives. `knowsOthers`: it has known that, before its last link was
   * lost. It resolves with true when nobody else was there, often enough in a row. Rejects when the channel ends.
   */
  async check(channel: Channel, knowsOthers: boolean): Promise<boolean> {
    if (this.isChecking) return false;
    this.isChecking = true;
    const { consumerCount } = await channel.checkQueue(CLUSTER);
    this.isChecking = false;
    this.inARow = consumerCount <= 1 ? this.inARow + 1 : 0;
    return this.inARow >= (knowsOthers ? 1 : CHECKS);
  }
}
