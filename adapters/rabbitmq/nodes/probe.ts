import type { Clock } from '../../../engine/ports.js';

/** Between two questions, ms. */
const EVERY_MS = 100;
/** Questions to each node, when the first finds its queue: a connection's queue may go a moment after its consumers. */
const LEAST = 5;
/**
 * A node is gone when it had no queue for so long, ms. One whose connection only broke has a new one 0.1–0.3 s later (see
 * `Backoff`; more on a busy machine), and the seats of its users must not be given away.
 */
export const ABSENT_MS = 600;

export interface Probe {
  /** Asks for every other node, until each is found or gone. Asks longer if it asks already. */
  begin(): void;
  end(): void;
}

interface Parts {
  readonly clock: Clock;
  /** The nodes that are taken for alive, and could be told if they were taken for gone. */
  readonly others: () => ReadonlySet<string>;
  /** Whether the broker has a queue for words to that node. `told` is not called where it cannot be known. */
  readonly ask: (nodeId: string, told: (isThere: boolean) => void) => void;
  readonly gone: (nodeId: string) => void;
}

/**
 * Finds out that a node was killed before its lease is over. Its operating system closes its connections, and with
 * them goes its queue for words, so that the broker returns what is sent to it. Only asked for when a room has come to
 * this node, as that may be because its home was killed, and then nobody gets a seat before all are known. Asking all the
 * time would be a message a node and node.
 */
export function createProbe({ clock, others, ask, gone }: Parts): Probe {
  /** By node: when the broker first said that it has no queue; monotonic, ms. */
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
    // By when it was asked: after a pause of this process old answers come late.
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
