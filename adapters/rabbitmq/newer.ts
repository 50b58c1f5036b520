import type { Message } from 'amqplib';
import type { Clock, Log, Meter } from '../../engine/ports.js';
import { unreadVersion, WIRE_VERSION } from './wire.js';

/** Kinds of messages of a newer version that are dropped. (Commands are dead-lettered, see `envelope.ts`.) */
export type Unread = 'event' | 'word' | 'answer';

/** Whether a message is of a version that this Parlor cannot read. If so, counts and logs it; the caller has to drop it. */
export type IsNewer = (what: Unread, message: Message) => boolean;

/** During an upgrade there may be thousands: one log line for each kind in this time, ms. */
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
      `rabbitmq: messages of a newer Parlor are dropped; this one reads up to version ${WIRE_VERSION}`,
    );
    return true;
  };
}
