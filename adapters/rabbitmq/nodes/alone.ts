import type { Channel } from 'amqplib';
import { CLUSTER } from '../topology.js';

/** Checks, one per beat, before a node that knows no other concludes that there is none: 2 s, longer than a link is down. */
const CHECKS = 5;

/**
 * Finds out whether there are other nodes without publishing: in an alarm, a starting node can neither greet the others nor
 * get an answer. Every node, this one too, consumes `parlor.cluster`, and the broker tells how many consumers a queue has.
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
   * To be called once per beat while this node does not know which nodes are alive. `knowsOthers`: it did know before its
   * last link was lost. Resolves with true if there was no other node often enough in a row. Rejects if the channel ends.
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
