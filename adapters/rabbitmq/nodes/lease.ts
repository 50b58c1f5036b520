import type { Channel } from 'amqplib';
import type { Clock } from '../../../engine/ports.js';
import type { Part } from '../connection/link.js';
import { NODES } from '../topology.js';
import { BEAT_MS, Pulse } from './pulse.js';

export interface Lease extends Part {
  /** Whether the broker is known to take this node for alive, so that no other one is the home of its rooms. */
  readonly isCurrent: boolean;
}

interface Parts {
  readonly clock: Clock;
  readonly broken: (reason: string) => void;
}

/**
 * Proves that this node may still decide as the home of its rooms. It is the home as long as the broker keeps its consuming
 * connection, and the broker gives a connection up if it receives nothing on it for two heartbeats. So every BEAT_MS a
 * request without side effects is sent on that connection. An answer shows that this process runs, and that the broker
 * has received bytes since the request was sent: for LEASE_MS from then on it cannot give the connection up.
 *
 * It shows nothing about the publishing connection: in an alarm the broker does not read that one, and rooms still have a
 * home.
 */
export function createLease({ clock, broken }: Parts): Lease {
  const pulse = new Pulse(clock);
  let channel: Channel | null = null;
  let isAsking = false;
  let cancelBeat = (): void => undefined;

  async function ask(on: Channel): Promise<void> {
    const number = pulse.sent();
    isAsking = true;
    await on.checkExchange(NODES);
    if (channel !== on) return;
    isAsking = false;
    pulse.returned(number);
  }

  function beat(): void {
    cancelBeat = clock.after(BEAT_MS, beat);
    // If it fails, the channel has ended, and reports why by itself.
    if (channel !== null && !isAsking) ask(channel).catch(() => undefined);
    if (!pulse.beat()) broken('the broker is silent: it does not answer on the connection that consumes');
  }

  function lost(): void {
    cancelBeat();
    channel = null;
    pulse.end();
  }

  return {
    async open({ consuming }) {
      const opened = await consuming.createChannel();
      let reason = 'the channel that asks whether the broker is there was closed';
      opened.on('error', (cause) => (reason = cause.message));
      opened.on('close', () => {
        if (channel === opened) broken(reason);
      });
      pulse.begin();
      channel = opened;
      await ask(opened);
      cancelBeat = clock.after(BEAT_MS, beat);
    },
    lost,
    // Its channel is closed with the connection.
    close: () => {
      lost();
      return Promise.resolve();
    },
    get isCurrent() {
      return pulse.isCurrent;
    },
  };
}
