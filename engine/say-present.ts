import { NAMES_PER_WORD, type Check, type LocalMembers, type RollCall } from './messages/words.js';
import type { Broker } from './ports.js';

interface Parts {
  readonly broker: Broker;
  readonly nodeId: string;
}

/**
 * Sends this node's answer to a roll call to the room's home: one `present` message (messages/words.ts), or several if
 * its lists are too long for one.
 */
export function sayPresent(
  { broker, nodeId: node_id }: Parts,
  { room_id, call_id, node_id: home }: RollCall,
  { present, believed, members_version }: LocalMembers,
): void {
  const words = Math.max(1, Math.ceil(Math.max(present.length, believed.length) / NAMES_PER_WORD));
  for (let i = 0; i < words; i++) {
    const [from, to] = [i * NAMES_PER_WORD, (i + 1) * NAMES_PER_WORD];
    broker.say(
      {
        type: 'present',
        room_id,
        node_id,
        call_id,
        present: present.slice(from, to),
        believed: believed.slice(from, to),
        members_version,
        last: i === words - 1,
      },
      home,
    );
  }
}

/** Answers a home that has asked which connections are still here. */
export function sayChecked(
  { broker, nodeId: node_id }: Parts,
  { room_id, check_id, node_id: home, connection_ids }: Check,
  isHere: (id: string) => boolean,
): void {
  const gone = connection_ids.filter((id) => !isHere(id));
  broker.say({ type: 'checked', room_id, node_id, check_id, gone }, home);
}
