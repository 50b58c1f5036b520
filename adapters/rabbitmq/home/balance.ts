import type { Clock, Log } from '../../../engine/ports.js';
import { assign } from './assignment.js';
import type { Partition } from './partition.js';

export interface Balance {
  /** Nodes have come or gone. `back`: one that has subscribed anew; null: none has. */
  changed(back: string | null): void;
  /** A command of this partition was delivered here. */
  served(partition: number): void;
  stop(): void;
}

interface Parts {
  readonly nodeId: string;
  readonly partitions: readonly Partition[];
  /** The nodes that take partitions, with this one if it does. */
  readonly nodes: () => Iterable<string>;
  /** So many ms without a change of the nodes make it worth while to move partitions; Infinity: they never are. */
  readonly settleMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two nodes that take their places in a line, ms: more than their clocks and beats differ by (BEAT_MS). */
const STEP_MS = 500;
/** A home that hands over ends what it has begun, for at most so many ms: its rooms pause meanwhile. The next home does the rest. */
const HAND_OVER_MS = 400;
/**
 * A home that is not the preferred one hands over once more, but not at once, and each time after twice as long: what it
 * knows of the others may be wrong.
 */
const AGAIN_MS = { first: 5_000, most: 300_000 };

/**
 * Spreads the partitions over the nodes. Which node is the home of a partition is RabbitMQ's decision: of those that
 * consume its queue, the one that has waited longest follows when the active one ends. So all that a node can do is to go
 * to the end of that line, and that is all that is done here: where others are to be preferred, it subscribes again, first
 * those that wait, in the order in which they should follow each other, and last the active one. So a room pauses once.
 *
 * Nothing depends on it but the balance: a node that is wrong about the others only makes rooms move once more.
 */
export function createBalance(parts: Parts): Balance {
  const { nodeId, partitions, clock, log } = parts;
  let orders: readonly (readonly string[])[] = [];
  /** Whether the orders are those of the nodes that live. */
  let isSettled = false;
  let timers: (() => void)[] = [];
  /** Nodes that are at the end of all lines since the orders were worked out. */
  const atEnd = new Set<string>();
  const again = new Map<number, number>();
  const planned = new Set<number>();

  function changed(back: string | null): void {
    cancel();
    isSettled = false;
    if (back !== null) atEnd.add(back);
    if (parts.settleMs === Infinity) return;
    timers.push(clock.after(parts.settleMs, settled));
  }

  function cancel(): void {
    for (const end of timers) end();
    timers = [];
    planned.clear();
    again.clear();
  }

  function settled(): void {
    const nodes = new Set(parts.nodes());
    const before = orders;
    orders = assign(partitions.length, nodes);
    for (const [partition, order] of orders.entries()) {
      const place = order.indexOf(nodeId);
      const line = before[partition]?.filter((node) => nodes.has(node) && !atEnd.has(node)) ?? [];
      if (place > 0 && line.join() !== order.join()) plan(partition, place, order.length);
    }
    atEnd.clear();
    isSettled = true;
  }

  /** Those that wait move up in the order of their places, and an active home goes behind all of them. */
  function plan(partition: number, place: number, nodes: number): void {
    planned.add(partition);
    later(place * STEP_MS, () => {
      if (partitions[partition]?.isActive !== true) giveWay(partition);
      else later((nodes - place) * STEP_MS, () => giveWay(partition));
    });
  }

  function later(ms: number, then: () => void): void {
    timers.push(clock.after(ms, then));
  }

  function giveWay(partition: number): void {
    planned.delete(partition);
    const home = partitions[partition];
    if (!home) return;
    if (home.isActive) {
      const to = orders[partition]?.[0];
      log.info(
        { partition, to },
        `rabbitmq: partition ${partition} is handed over to the node that is to be its home`,
      );
    }
    void home.subscribeAgain(HAND_OVER_MS);
  }

  function served(partition: number): void {
    const order = isSettled ? orders[partition] : undefined;
    if (!order || order[0] === nodeId || !order.includes(nodeId) || planned.has(partition)) return;
    const ms = again.get(partition) ?? AGAIN_MS.first;
    again.set(partition, Math.min(AGAIN_MS.most, ms * 2));
    planned.add(partition);
    later(ms, () => giveWay(partition));
  }

  return { changed, served, stop: cancel };
}
