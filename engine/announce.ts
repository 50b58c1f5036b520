import { endingOf } from './catch-up.js';
import { eventFrame, membersFrame } from './codec.js';
import type { Fanout } from './fanout.js';
import type { Listener } from './listener.js';
import { isQuiet, type DurableEvent } from './messages/events.js';
import type { PresenceNews, Roster } from './roster.js';

type MembershipsEnd = Extract<DurableEvent, { type: 'room_closed' | 'member_kicked' }>;

/** The parts of an audience that its announcements need. */
interface Announcing {
  /** Connections with a seat. */
  readonly listeners: ReadonlyMap<string, Listener>;
  readonly live: Fanout;
  readonly roster: Roster;
}

/**
 * Tells clients of the room's next event. Returns how many frames that were. A function instead of an object:
 * an object for each audience would cost memory.
 */
export function announce(audience: Announcing, event: DurableEvent): number {
  const { listeners, live, roster } = audience;
  let sent = 0;
  if (!isQuiet(event)) {
    sent = listeners.size;
    live.send(eventFrame(event));
  }
  if (!endsMemberships(event)) return sent;
  roster.apply(event);
  const { members } = roster;
  // Who was kicked may be back already. Clients were told of that before the kick, which has taken them off
  // the list.
  if (event.type === 'member_kicked' && members?.includes(event.user))
    sent += sendEphemeral(audience, membersFrame(members));
  return sent;
}

/** Whether an event ends memberships. */
export function endsMemberships(event: DurableEvent): event is MembershipsEnd {
  return event.type === 'room_closed' || event.type === 'member_kicked';
}

/** Ends the connections that an event leaves without a seat. To be called after `announce`. */
export function endConnections({ listeners }: Announcing, event: MembershipsEnd): void {
  for (const listener of [...listeners.values()]) {
    const ending = endingOf(event, listener);
    if (ending) listener.end(ending.code, ending.message);
  }
}

/** Tells clients of joins and leaves, unless the room is too large. Returns how many frames that were. */
export function announcePresence(audience: Announcing, event: PresenceNews): number {
  const { roster } = audience;
  // In a large room the number of frames would grow with the square of its members.
  if (event.member_count > roster.limit) return 0;
  const whole = roster.clientsDiffer ? roster.members : null;
  const sent = sendEphemeral(audience, whole === null ? eventFrame(event) : membersFrame(whole));
  roster.listed();
  return sent;
}

/** Sends a frame that a slow client can do without. Returns how many frames that were. */
export function sendEphemeral({ listeners, live }: Announcing, frame: string): number {
  const missed = live.sendEphemeral(frame, listeners.values());
  return listeners.size - missed;
}
