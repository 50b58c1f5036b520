import type { Clock } from '../../../engine/ports.js';

/** Between two probes of a node, ms. */
const EVERY_MS = 100;
/** Probes of each node, even if the first finds its queue: the queue of a dead connection may outlive its consumers a moment. */
const LEAST = 5;
/**
 * A node is taken for gone if it had no queue for this time, ms. A node whose connection only broke has a new one 0.1–0.3 s
 * later (see `Backoff`; longer on a busy machine), and the seats of its users must not be given away.
 */
export const ABSENT_MS = 600;

export interface Probe {
  /** Probes every other node until each is found or gone. If it is probing already, starts again. */
  begin(): void;
  end(): void;
}

interface Parts {
  readonly clock: Clock;
  /** The nodes that are taken for alive, and would learn it if they were taken for gone by mistake. */
  readonly others: () => ReadonlySet<string>;
  /** Calls `told` with whether the broker has a queue for words to that node; not at all if that cannot be known. */
  readonly ask: (nodeId: string, told: (isThere: boolean) => void) => void;
  readonly gone: (nodeId: string) => void;
}

/**
 * Finds out that a node was killed before its lease is over. When a process is killed, its operating system closes its
 * connections, so its queue for words is deleted, and the broker returns what is sent to it. Nodes are probed only when
 * this one becomes the home of rooms: perhaps their home was killed, and nobody gets a seat there before all nodes are
 * known. Probing all the time would cost a message for each pair of nodes.
 */
export function createProbe({ clock, others, ask, gone }: Parts): Probe {
  /** By node: when the broker first reported that it has no queue; monotonic, ms. */
  const absentSince = new Map<string, number>();
  let isRunning = false;
  let asked = 0;
  let cancel = (): void => undefined;

  function round(): void {
    const ids = others();
    for (const id of absentSince.keys()) if (!ids.has(id)) absentSince.delete(id);
    if (asked >= LEAST && absentSince.size === 0) return end();
    asked++;
    cancel = clock.after(EVERY_MS, round);
    const sent = clock.elapsed();
    for (const id of ids) ask(id, (isThere) => told(id, sent, isThere));
  }

  function told(id: string, sent: number, isThere: boolean): void {
    if (!isRunning) return;
    const since = absentSince.get(id);
    if (isThere) absentSince.delete(id);
    else if (since === undefined) absentSince.set(id, clock.elapsed());
    // By the time of the question: after a pause of this process, old answers arrive late.
    else if (sent - since >= ABSENT_MS) {
      absentSince.delete(id);
      gone(id);
    }
  }

  function end(): void {
    cancel();
    isRunning = false;
    absentSince.clear();
  }

  return {
    begin() {
      asked = 0;
      if (isRunning) return;
      isRunning = true;
      round();
    },
    end,
  };
}
