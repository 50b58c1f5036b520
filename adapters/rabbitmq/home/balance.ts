import type { Clock, Log } from '../../../engine/ports.js';
import { assign } from './assignment.js';
import type { Partition } from './partition.js';

export interface Balance {
  /** Nodes have joined or left. `back`: the node that has subscribed again over a new link, or null. */
  changed(back: string | null): void;
  /** A command of this partition was delivered to this node. */
  served(partition: number): void;
  stop(): void;
}

interface Parts {
  readonly nodeId: string;
  readonly partitions: readonly Partition[];
  /** The nodes that may be homes, including this one if it may. */
  readonly nodes: () => Iterable<string>;
  /** How long the set of nodes must be unchanged before partitions are moved, ms; Infinity: they never are. */
  readonly settleMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** The interval in which two nodes subscribe after each other, ms: longer than what their clocks and beats differ by (BEAT_MS). */
const STEP_MS = 500;
/** How long a home that hands over may finish pending commands, ms: its rooms pause meanwhile. The next home does the rest. */
const HAND_OVER_MS = 400;
/**
 * Pauses before a home that is still not the preferred one hands over again, ms. They are doubled each time, since what it
 * knows about the others may be wrong.
 */
const AGAIN_MS = { first: 5_000, most: 300_000 };

/**
 * Spreads the partitions over the nodes. RabbitMQ decides which node is the home of a partition: when the active consumer of
 * its queue ends, the one that has waited longest follows. So all that a node can do is to go to the end of that line, by
 * subscribing again. It does so for partitions for which other nodes are preferred. Nodes that wait subscribe first, in the
 * order in which they should follow each other, and the active one last. So a room pauses only once.
 *
 * Only the balance depends on this: a node that is wrong about the others makes rooms move once more, and nothing else.
 */
export function createBalance(parts: Parts): Balance {
  const { nodeId, partitions, clock, log } = parts;
  let orders: readonly (readonly string[])[] = [];
  /** Whether the orders were computed for the present set of nodes. */
  let isSettled = false;
  let timers: (() => void)[] = [];
  /** Nodes that have gone to the end of all lines since the orders were computed. */
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

  /** Waiting nodes subscribe again in the order of their places, and an active home after all of them. */
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
