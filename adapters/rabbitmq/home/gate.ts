import { errorText } from '../../../engine/errors.js';
import type { Clock, Log } from '../../../engine/ports.js';
import type { Connections } from '../connection/connections.js';
import type { Part } from '../connection/link.js';

interface Parts {
  /** They are opened one after the other when the gate opens. */
  readonly homes: readonly Part[];
  /** Resolves when all living nodes are known, or the link is lost. */
  readonly known: () => Promise<void>;
  readonly isStoreReady: () => boolean;
  /** Called when all of them are open. */
  readonly opened: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly broken: (reason: string) => void;
}

/**
 * How long the setup of a link waits for the gate, ms. Usually all nodes are known within two beats, and a node that has
 * started consumes its commands then. In an alarm it may take long, and the node is up without them.
 */
const WAIT_MS = 2_000;

/** How often to check whether the store is ready, ms: about as often as stores probe themselves. */
const STORE_MS = 1_000;

/**
 * Opens the partitions when this node is fit to be their home. It has to know all living nodes, because its rooms call the
 * roll. And its store has to be ready: commands that are consumed before can only wait here, and their delivery count rises
 * when the link is lost (see `poison.ts`), while in their queue they are just as safe. So a node whose store fails keeps the
 * commands that it has as long as its link lasts, and then consumes nothing before the store is ready.
 */
export function createGate(parts: Parts): Part {
  const { homes, known, isStoreReady, clock, log, broken } = parts;
  let current: Connections | null = null;
  let waitsFor = '';

  async function openHomes(on: Connections): Promise<void> {
    waitsFor = 'it cannot know yet which other nodes live';
    await known();
    waitsFor = 'its store is not ready';
    while (current === on && !isStoreReady()) await new Promise<void>((over) => clock.after(STORE_MS, over));
    waitsFor = 'the broker is slow';
    for (const home of homes) {
      if (current !== on) return;
      await home.open(on);
    }
    if (current === on) parts.opened();
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
          log.warn({ reason: waitsFor }, 'rabbitmq: this node takes no commands yet');
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
