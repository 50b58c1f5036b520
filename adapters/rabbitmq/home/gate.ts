import { errorText } from '../../../engine/errors.js';
import type { Clock, Log } from '../../../engine/ports.js';
import type { Connections } from '../connection/connections.js';
import type { Part } from '../connection/link.js';

interface Parts {
  /** Opened one after the other when the gate opens. */
  readonly homes: readonly Part[];
  /** Resolves when every node that lives is known, or the link is lost. */
  readonly known: () => Promise<void>;
  readonly isStoreReady: () => boolean;
  /** All of them are open. */
  readonly opened: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly broken: (reason: string) => void;
}

/**
 * The setup of a link waits so long for the gate, ms. Mostly all nodes are known within two beats, and then a node that
 * has started takes its commands. In an alarm it may be long, and the node is up without them.
 */
const WAIT_MS = 2_000;

/** How often it is looked whether the store is ready, ms: about as often as stores try it themselves. */
const STORE_MS = 1_000;

/**
 * Opens the partitions when this node may be their home. Whoever calls the roll in a room has to know every node that
 * lives. And what is taken while the store is down can only be held, and its delivery count rises when the link is lost
 * (see `poison.ts`): in its queue it is as safe. So a node whose store fails keeps what it has for as long as its link
 * lasts, and after that takes nothing before the store is ready.
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
