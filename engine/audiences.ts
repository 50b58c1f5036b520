import { AudienceActor, type AudienceMessage, type AudienceParts } from './audience.js';
import { Dispatcher, type Parent } from './dispatcher.js';
import type { RoomEvent } from './messages/events.js';
import { slotOf } from './slots.js';

export interface Audiences {
  /** Opens (or finds) the audience of a room and counts one more connection in it; resolves when it hears the room. */
  enter(roomId: string): Promise<void>;
  /** The counterpart of `enter`. The last one out ends the audience. */
  exit(roomId: string): void;
  /** False when there is no such audience or it is overloaded. */
  tell(roomId: string, message: AudienceMessage): boolean;
  event(event: RoomEvent): void;
  readonly count: number;
  readonly waiting: number;
}

interface Entry {
  readonly actor: AudienceActor;
  readonly slot: number;
  readonly heard: Promise<void>;
  connections: number;
}

/** The supervisor of the audiences on this node. */
export function createAudiences(root: Parent, parts: AudienceParts): Audiences {
  const dispatcher = new Dispatcher(root, 'audiences');
  const audiences = new Map<string, Entry>();

  function open(roomId: string): Entry {
    const slot = slotOf(roomId);
    const actor = new AudienceActor(roomId, dispatcher, parts);
    const entry: Entry = { actor, slot, heard: parts.broker.subscribe(slot), connections: 0 };
    audiences.set(roomId, entry);
    return entry;
  }

  return {
    enter(roomId) {
      const entry = audiences.get(roomId) ?? open(roomId);
      entry.connections++;
      return entry.heard;
    },
    exit(roomId) {
      const entry = audiences.get(roomId);
      if (!entry || --entry.connections > 0) return;
      audiences.delete(roomId);
      entry.actor.mailbox.stop();
      parts.broker.unsubscribe(entry.slot);
    },
    tell: (roomId, message) => audiences.get(roomId)?.actor.mailbox.tell(message) ?? false,
    event(event) {
      const entry = audiences.get(event.room_id);
      if (!entry || entry.actor.mailbox.tell({ type: 'event', event })) return;
      // Its next event shows the gap, and it is repaired from the store.
      parts.meter.dropped('audience_mailbox_full');
    },
    get count() {
      return audiences.size;
    },
    get waiting() {
      let sum = 0;
      for (const { actor } of audiences.values()) sum += actor.mailbox.depth;
      return sum;
    },
  };
}
