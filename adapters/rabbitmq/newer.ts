import type { Message } from 'amqplib';
import type { Clock, Log, Meter } from '../../engine/ports.js';
import { unreadVersion, WIRE_VERSION } from './wire.js';

/** What a node of a newer version sends to one that cannot read it. Commands are parked, see `envelope.ts`. */
export type Unread = 'event' | 'word' | 'answer';

/** Whether a message is of a version that is not read here. Then it is counted, logged, and to be dropped. */
export type IsNewer = (what: Unread, message: Message) => boolean;

/** During an upgrade there may be thousands: one line for each kind in so many ms. */
const COMPLAIN_MS = 10_000;

export function createIsNewer({
  clock,
  log,
  meter,
}: {
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
}): IsNewer {
  const complained = new Map<Unread, number>();
  return (what, message) => {
    const version = unreadVersion(message);
    if (version === null) return false;
    meter.dropped(`newer_${what}`);
    const now = clock.elapsed();
    if (now - (complained.get(what) ?? -Infinity) < COMPLAIN_MS) return true;
    complained.set(what, now);
    log.warn(
      { what, version, app_id: String(message.properties.appId) },
      `rabbitmq: what a newer Parlor sends is dropped; this one reads up to version ${WIRE_VERSION}`,
    );
    return true;
  };
}
