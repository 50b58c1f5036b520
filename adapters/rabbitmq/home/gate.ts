import { errorText } from '../../../engine/errors.js';
import type { Clock } from '../../../engine/ports.js';
import type { Connections } from '../connection/connections.js';
import type { Part } from '../connection/link.js';

interface Parts {
  /** Opened one after the other when the gate opens. */
  readonly homes: readonly Part[];
  /** Resolves when every node that lives is known, or the link is lost. */
  readonly known: () => Promise<void>;
  readonly clock: Clock;
  readonly broken: (reason: string) => void;
}

/**
 * The setup of a link waits so long for the gate, ms. Mostly all nodes are known within two beats, and then a node that
 * has started takes its commands. In an alarm it may be long, and the node is up without them.
 */
const WAIT_MS = 2_000;

/**
 * Opens the partitions when this node may be their home: whoever calls the roll in a room has to know every node that
 * lives.
 */
export function createGate({ homes, known, clock, broken }: Parts): Part {
  let current: Connections | null = null;

  async function openHomes(on: Connections): Promise<void> {
    await known();
    for (const home of homes) {
      if (current !== on) return;
      await home.open(on);
    }
  }

  function lost(): void {
    current = null;
    for (const home of homes) home.lost();
  }

  return {
    async open(on) {
      current = on;
      let cancel = (): void => undefined;
      let isLate = false;
      const late = new Promise<void>((over) => {
        cancel = clock.after(WAIT_MS, () => {
          isLate = true;
          over();
        });
      });
      const opened = openHomes(on).catch((cause: unknown) => {
        if (!isLate) throw cause;
        if (current === on) broken(errorText(cause));
      });
      await Promise.race([opened, late]);
      cancel();
    },
    lost,
    async close() {
      current = null;
      await Promise.all(homes.map((home) => home.close()));
    },
  };
}
